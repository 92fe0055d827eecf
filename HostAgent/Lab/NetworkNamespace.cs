using System.Diagnostics;
using System.Net.Sockets;
using HostAgent.Links;

namespace HostAgent.Lab;

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
        HostTool.Run("ip", "netns", "add", name);
        var made = new NetworkNamespace(name);
        made.Ip("link set lo up");
        return made;
    }

    /// <summary>Runs <c>ip</c> inside the namespace.</summary>
    public string Ip(string arguments) => HostTool.Run("ip", ["-n", Name, .. arguments.Split(' ', StringSplitOptions.RemoveEmptyEntries)]);

    /// <summary>Runs several <c>ip</c> commands inside the namespace, in one process; the first that fails ends it.</summary>
    public void IpBatch(params string[] commands) =>
        HostTool.RunWithInput(string.Join('\n', commands) + "\n", "ip", "-n", Name, "-batch", "-");

    /// <summary>Runs a program inside the namespace to its end.</summary>
    public string Exec(params string[] command) => HostTool.Run("ip", ["netns", "exec", Name, .. command]);

    /// <summary>
    /// How to start a program inside the namespace; <c>ip</c> is replaced by the program, so the process id is the program's.
    /// </summary>
    public ProcessStartInfo StartInfo(params string[] command) => new("ip", ["netns", "exec", Name, .. command]);

    /// <summary>Runs code inside the namespace, on a thread of its own.</summary>
    public T Run<T>(Func<T> work) => NamespaceThread.Run(Path, work);

    /// <summary>Opens a socket inside the namespace. It stays there for life, so any thread may use it afterwards.</summary>
    public Socket OpenSocket(AddressFamily family, SocketType type, ProtocolType protocol) => Run(() => new Socket(family, type, protocol));

    /// <summary>Sets a sysctl of this namespace only; <paramref name="key"/> with slashes, such as net/ipv4/ip_forward.</summary>
    public void Sysctl(string key, string value) => Run(() =>
    {
        // /proc/sys/net shows the namespace of the thread that looks.
        File.WriteAllText($"/proc/sys/{key}", value);
        return true;
    });

    public void Dispose() => HostTool.Run("ip", "netns", "del", Name);
}
