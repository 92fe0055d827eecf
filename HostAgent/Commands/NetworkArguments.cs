using System.Collections.Immutable;
using System.CommandLine;
using System.Net;

namespace HostAgent.Commands;

/// <summary>The options of <c>run</c> that say how it is served on addresses that are not loopback.</summary>
/// <param name="variable">Reads an environment variable; null for one that is not set or empty.</param>
internal sealed class NetworkArguments(Func<string, string?> variable)
{
    private readonly Option<string?> _certificate = File(
        variable, "--tls-certificate", "HOSTAGENT_TLS_CERTIFICATE",
        "The certificate (PEM, with those between it and its root) for addresses that are not loopback. Read again when it changes. "
        + "Without it the agent makes one of its own.");

    private readonly Option<string?> _key = File(
        variable, "--tls-key", "HOSTAGENT_TLS_KEY", "The private key of --tls-certificate (PEM).");

    private readonly Option<bool> _insecure = new("--insecure-metrics")
    {
        Description = "On addresses that are not loopback, serve /metrics in plain HTTP to everybody. It names pods. Without it: over TLS, "
            + "to accounts that the API server permits. [env: HOSTAGENT_INSECURE_METRICS=true]",
        DefaultValueFactory = result => OptionText.Flag(result, "HOSTAGENT_INSECURE_METRICS", variable("HOSTAGENT_INSECURE_METRICS")),
    };

    public void AddTo(Command command)
    {
        command.Add(_certificate);
        command.Add(_key);
        command.Add(_insecure);
    }

    /// <param name="result">The command line.</param>
    /// <param name="listen">Where it is to listen.</param>
    /// <param name="clusterFile">Not null where there is no API server.</param>
    /// <returns>Null where nothing is reached from the network.</returns>
    /// <exception cref="UsageException">Two options contradict each other, or one lacks another.</exception>
    public NetworkOptions? Read(ParseResult result, ImmutableArray<IPEndPoint> listen, string? clusterFile)
    {
        (string? certificate, string? key) = (result.GetValue(_certificate), result.GetValue(_key));
        bool insecure = result.GetValue(_insecure);
        IPEndPoint? open = listen.FirstOrDefault(address => !IPAddress.IsLoopback(address.Address));
        string? wrong = (certificate, key) switch
        {
            (not null, null) => "--tls-certificate needs its private key: name its file with --tls-key",
            (null, not null) => "--tls-key needs its certificate: name its file with --tls-certificate",
            (not null, _) when insecure =>
                "--insecure-metrics is plain HTTP, and --tls-certificate is TLS: leave one of them out",
            _ when open is not null && clusterFile is not null && !insecure =>
                $"--listen {open} is reached from the network, and with --cluster-file there is no API server to say who may look: "
                + "listen on loopback only, or let everybody read pods' names in plain HTTP with --insecure-metrics",
            _ => null,
        };
        if (wrong is not null) throw new UsageException(wrong);
        return open is null ? null : new NetworkOptions(insecure, certificate, key);
    }

    private static Option<string?> File(Func<string, string?> variable, string name, string from, string description) => new(name)
    {
        HelpName = "FILE",
        Description = $"{description} [env: {from}]",
        DefaultValueFactory = _ => variable(from),
    };
}
