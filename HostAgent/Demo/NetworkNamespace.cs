using System.Diagnostics;

namespace HostAgent.Demo;

/// <summary>A named network namespace (ip-netns(8)), removed with everything in it when disposed.</summary>
internal sealed class NetworkNamespace : IDisposable
{
    private NetworkNamespace(string name) => Name = name;

    public string Name { get; }

    /// <summary>The file that setns(2) takes.</summary>
    public string Path => $"/run/netns/{Name}";

    /// <summary>Makes the namespace, with its loopback link up.</summary>
    public static NetworkNamespace Create(string name)
    {
        Command.Run("ip", "netns", "add", name);
        var made = new NetworkNamespace(name);
        made.Ip("link set lo up");
        return made;
    }

    /// <summary>Runs <c>ip</c> inside the namespace.</summary>
    public string Ip(string arguments) => Command.Run("ip", ["-n", Name, .. arguments.Split(' ', StringSplitOptions.RemoveEmptyEntries)]);

    /// <summary>Runs a program inside the namespace to its end.</summary>
    public string Exec(params string[] command) => Command.Run("ip", ["netns", "exec", Name, .. command]);

    /// <summary>How to start a program inside the namespace.</summary>
    public ProcessStartInfo StartInfo(params string[] command) => new("ip", ["netns", "exec", Name, .. command]);

    /// <summary>Sets a sysctl of this namespace only; <paramref name="key"/> with slashes, such as net/ipv4/ip_forward.</summary>
    public void Sysctl(string key, string value) => Exec("sh", "-c", $"echo {value} > /proc/sys/{key}");

    public void Dispose() => Command.Run("ip", "netns", "del", Name);
}
