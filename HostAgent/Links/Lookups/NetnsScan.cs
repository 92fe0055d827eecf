using System.Collections.Immutable;
using System.Net;
using System.Net.Sockets;
using System.Runtime.InteropServices;
using HostAgent.Interop;
using Microsoft.Win32.SafeHandles;
using static HostAgent.Interop.LinuxNetNamespace;

namespace HostAgent.Links;

/// <summary>
/// One look into the network namespaces that are bound to files: which interface has which address, and which link of the host is its
/// other end. The thread that runs it goes from namespace to namespace and must end afterwards: it would keep the last one alive.
/// </summary>
/// <param name="folders">Where the files are.</param>
/// <param name="links">The host's links now.</param>
/// <param name="known">What the last look found, by file and inode; a file name can be given to another namespace.</param>
/// <param name="again">True to enter also those namespaces of which everything is known.</param>
/// <param name="open">Opens a socket in the namespace at hand.</param>
internal sealed class NetnsScan(
    ImmutableArray<string> folders, Func<LinkSnapshot> links,
    ImmutableDictionary<(string Path, ulong Inode), ImmutableArray<NetnsInterface>> known, bool again, Func<RtnetlinkSocket> open)
{
    private const int ReadBuffer = 32 * 1024;

    /// <summary>The namespace at hand: where it hangs, if it does.</summary>
    public string? At { get; private set; }

    /// <summary>What this look found.</summary>
    public ImmutableDictionary<(string Path, ulong Inode), ImmutableArray<NetnsInterface>> Found { get; private set; } = known.Clear();

    /// <summary>Why nothing can be found at all, in words; null when all is well.</summary>
    public string? Problem { get; private set; }

    /// <summary>True when the problem will not go away.</summary>
    public bool Hopeless { get; private set; }

    /// <summary>
    /// Why a namespace that is there could not be read; in <see cref="Found"/> it is as it was known before. Null when none failed.
    /// </summary>
    public Exception? Failure { get; private set; }

    public static RtnetlinkSocket OpenSocket() => new(ReadBuffer);

    /// <exception cref="Exception">It did not come to its end, so <see cref="Found"/> is not all there is.</exception>
    public void Run()
    {
        if (!folders.Any(Directory.Exists))
        {
            Problem = $"pods are not looked for in their network namespaces: there is no {string.Join(" and no ", folders)}; "
                + "mount it into the agent's container with mountPropagation: HostToContainer";
            return;
        }

        // The socket stays in the host's namespace when the thread leaves it.
        using RtnetlinkSocket host = open();
        ulong own = Inode("/proc/thread-self/ns/net") ?? 0;
        int foreign = 0;
        foreach (string path in folders.SelectMany(Files))
        {
            At = path;
            if (Inode(path) is not { } inode || inode == own) continue;
            ImmutableArray<NetnsInterface> before = known.GetValueOrDefault((path, inode));
            if (!again && IsSettled(before))
            {
                Found = Found.SetItem((path, inode), before);
                continue;
            }

            // While the file is open the namespace lives, so its id is not given to another before the links are compared.
            using SafeFileHandle? file = Open(path);
            if (file is null) continue;
            int id = NamespaceId(host, file);
            try
            {
                Found = Found.SetItem((path, inode), Read(path, file, id));
            }
            catch (ErrnoException e) when (e is { Call: "setns", Errno: Errno.EPERM })
            {
                Problem = "pods are not looked for in their network namespaces: setns needs CAP_SYS_ADMIN";
                Hopeless = true;
                return;
            }
            catch (ErrnoException e) when (e is { Call: "setns", Errno: Errno.EINVAL })
            {
                // The file is no namespace.
                foreign++;
            }
            catch (Exception e) when (e is IOException or SocketException)
            {
                Failure = e;
                if (!before.IsDefault) Found = Found.SetItem((path, inode), before);
            }
        }

        if (foreign > 0 && Found.IsEmpty)
        {
            Problem = "pods are not looked for in their network namespaces: "
                + $"the files in {string.Join(" and ", folders)} are not namespaces; "
                + "mount the folder into the agent's container with mountPropagation: HostToContainer";
        }
    }

    private static IEnumerable<string> Files(string folder)
    {
        try
        {
            return Directory.GetFiles(folder);
        }
        catch (DirectoryNotFoundException)
        {
            return [];
        }
    }

    /// <summary>Null when it has vanished, or nobody may read it.</summary>
    private static SafeFileHandle? Open(string path)
    {
        try
        {
            return File.OpenHandle(path);
        }
        catch (Exception e) when (e is FileNotFoundException or DirectoryNotFoundException or UnauthorizedAccessException)
        {
            return null;
        }
    }

    /// <summary>Null for what is not a plain file, such as a pipe, which would block whoever opens it.</summary>
    private static ulong? Inode(string path) =>
        SysStat.statx(SysStat.AT_FDCWD, path, 0, SysStat.STATX_TYPE | SysStat.STATX_INO, out SysStat.statx_result file) == 0
        && (file.stx_mode & SysStat.S_IFMT) == SysStat.S_IFREG ? file.stx_ino : null;

    /// <summary>A namespace is entered again as long as its network may not be complete.</summary>
    private bool IsSettled(ImmutableArray<NetnsInterface> before)
    {
        LinkSnapshot now = links();
        return !before.IsDefaultOrEmpty && before.All(at => at.HostLink is { } link ? now.Has(link) : !at.IsPair);
    }

    private ImmutableArray<NetnsInterface> Read(string path, SafeFileHandle file, int id)
    {
        if (Sched.setns((int)file.DangerousGetHandle(), Sched.CLONE_NEWNET) != 0) throw ErrnoException.Last("setns", path);
        LinkSnapshot inside;
        using (RtnetlinkSocket socket = open())
        {
            var tables = new LinkTables();
            RtnetlinkDump.LinksAndAddresses(socket, tables);
            inside = tables.ToSnapshot();
        }

        // One view for all: addresses of one interface have one link, or none yet.
        LinkSnapshot outside = links();
        var found = ImmutableArray.CreateBuilder<NetnsInterface>();
        foreach ((IPAddress address, ImmutableArray<int> owners) in inside.LocalAddresses)
        {
            if (IPAddress.IsLoopback(address) || address.IsIPv6LinkLocal) continue;
            foreach (int owner in owners)
            {
                if (!inside.Links.TryGetValue(owner, out Link? link) || link.Loopback) continue;
                Link? other = id == NotAssigned ? null : outside.Links.Values.FirstOrDefault(at => at.PeerNetns == id && at.Peer == owner);
                found.Add(new NetnsInterface(address, path, link.Name, link.Kind, other));
            }
        }

        return found.ToImmutable();
    }

    /// <summary>
    /// The id by which the host's links name this namespace as that of their other end. What fails here fails for every namespace.
    /// </summary>
    private static int NamespaceId(RtnetlinkSocket host, SafeFileHandle file)
    {
        int id = NotAssigned;
        byte[] request = new byte[12];
        MemoryMarshal.Write(request.AsSpan(4), new LinuxNetlink.nlattr { nla_len = 8, nla_type = NETNSA_FD });
        MemoryMarshal.Write(request.AsSpan(8), (int)file.DangerousGetHandle());
        try
        {
            host.Ask(RTM_GETNSID, request, (_, payload) =>
            {
                // struct rtgenmsg is one byte, padded to four.
                var attributes = new NetlinkAttributes(payload.Length >= 4 ? payload[4..] : default);
                while (attributes.MoveNext())
                {
                    if (attributes.Type == NETNSA_NSID) id = attributes.Int32;
                }
            });
        }
        catch (ErrnoException e) when (e.Call == "netlink")
        {
            // The kernel has answered: the file is no namespace.
        }

        return id;
    }
}
