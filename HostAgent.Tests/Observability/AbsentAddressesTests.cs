using System.Net;
using HostAgent.Lab;
using HostAgent.Links;
using HostAgent.Observability;
using Microsoft.Extensions.Logging;

namespace HostAgent.Tests.Observability;

internal sealed class AbsentAddressesTests
{
    [TestCase("10.111.0.1", 32)]
    [TestCase("fd11::1", 128)]
    public void An_address_that_comes_and_goes_is_told_of_once_each_time(string address, int prefix)
    {
        using NetworkNamespace node = NetworkNamespace.Create($"ha{Environment.ProcessId}absent");
        var log = new LogLines<HttpEndpoint>();
        var endpoint = new IPEndPoint(IPAddress.Parse(address), 9460);
        IPEndPoint[] listen = [endpoint, new IPEndPoint(IPAddress.Loopback, 9460), new IPEndPoint(IPAddress.IPv6Any, 9461)];
        var absent = new AbsentAddresses([.. listen], log);
        string? Look() => NamespaceThread.Run(node.Path, absent.Look);
        Assert.That(Look(), Does.Contain($"at {endpoint} until"));
        Assert.That(Look(), Is.Not.Null);
        Assert.That(log.Count(LogLevel.Warning), Is.EqualTo(1));
        Assert.That(log.Count(LogLevel.Information), Is.EqualTo(2), "one for each of the others");

        node.Ip($"addr add {address}/{prefix} dev lo");
        Assert.That(Look(), Is.Null);
        Assert.That(log.All.Last().Text, Is.EqualTo($"Listening on http://{endpoint} for /metrics /livez /readyz"));

        node.Ip($"addr del {address}/{prefix} dev lo");
        Assert.That(Look(), Is.Not.Null);
        Assert.That((log.Count(LogLevel.Warning), log.Count(LogLevel.Information)), Is.EqualTo((2, 3)));
    }
}
