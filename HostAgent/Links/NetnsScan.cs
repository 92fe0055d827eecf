using System.Collections.Immutable;
using System.Net;
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
internal sealed class NetnsScan(
    ImmutableArray<string> folders, Func<LinkSnapshot> links,
    ImmutableDictionary<(string Path, ulong Inode), ImmutableArray<NetnsInterface>> known, bool again)
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

    public void Run()
    {
        if (!folders.Any(Directory.Exists))
        {
            Problem = $"pods are not looked for in their network namespaces: there is no {string.Join(" and no ", folders)}; "
                + "mount it into the agent's container with mountPropagation: HostToContainer";
            return;
        }

        // The socket stays in the host's namespace when the thread leaves it.
        using var host = new RtnetlinkSocket(ReadBuffer);
        ulong own = Inode("/proc/thread-self/ns/net") ?? 0;
        int foreign = 0;
        foreach (string path in folders.SelectMany(Files))
        {
            At = path;
            if (Inode(path) is not { } inode || inode == own) continue;
            try
            {
                ImmutableArray<NetnsInterface> before = known.GetValueOrDefault((path, inode));
                Found = Found.SetItem((path, inode), !again && IsSettled(before) ? before : Read(path, host));
            }
            catch (ErrnoException e) when (e is { Call: "setns", Errno: Errno.EPERM })
            {
                Problem = "pods are not looked for in their network namespaces: setns needs CAP_SYS_ADMIN";
                Hopeless = true;
                return;
            }
            catch (Exception e) when (e is IOException or UnauthorizedAccessException)
            {
                // It vanished between two steps, or the file is no namespace.
                if (e is ErrnoException { Call: "setns", Errno: Errno.EINVAL }) foreign++;
            }
        }

        if (foreign > 0 && Found.IsEmpty)
        {
            Problem = $"pods are not looked for in their network namespaces: the files in {string.Join(" and ", folders)} are not namespaces; mount "
                + "the folder into the agent's container with mountPropagation: HostToContainer";
        }
    }

    private static IEnumerable<string> Files(string folder)
    {
        try
        {
            return Directory.GetFiles(folder);
        }
        catch (Exception e) when (e is IOException or UnauthorizedAccessException)
        {
            return [];
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

    private ImmutableArray<NetnsInterface> Read(string path, RtnetlinkSocket host)
    {
        // While the file is open the namespace lives, so its id is not given to another before the links are compared.
        using SafeFileHandle file = File.OpenHandle(path);
        int id = NamespaceId(host, file);
        if (Sched.setns((int)file.DangerousGetHandle(), Sched.CLONE_NEWNET) != 0) throw ErrnoException.Last("setns", path);
        LinkSnapshot inside;
        using (var socket = new RtnetlinkSocket(ReadBuffer))
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

    /// <summary>The id by which the host's links name this namespace as that of their other end.</summary>
    private static int NamespaceId(RtnetlinkSocket host, SafeFileHandle file)
    {
        int id = NotAssigned;
        byte[] request = new byte[12];
        MemoryMarshal.Write(request.AsSpan(4), new LinuxNetlink.nlattr { nla_len = 8, nla_type = NETNSA_FD });
        MemoryMarshal.Write(request.AsSpan(8), (int)file.DangerousGetHandle());
        host.Ask(RTM_GETNSID, request, (_, payload) =>
        {
            // struct rtgenmsg is one byte, padded to four.
            var attributes = new NetlinkAttributes(payload.Length >= 4 ? payload[4..] : default);
            while (attributes.MoveNext())
            {
                if (attributes.Type == NETNSA_NSID) id = attributes.Int32;
            }
        });
        return id;
    }
}
