using System.ComponentModel;
using System.Runtime.InteropServices;
using System.Text;
using HostAgent.Interop;
using HostAgent.Lab;
using Microsoft.Win32.SafeHandles;

namespace HostAgent.Tests.Tunnel;

/// <summary>A tap link (linux/if_tun.h), from which frames come with any offload: those that no packet socket may send, too.</summary>
internal sealed unsafe partial class TapLink : IDisposable
{
    private const ulong TUNSETIFF = 0x400454CA;
    private const short IFF_TAP = 2, IFF_NO_PI = 0x1000, IFF_VNET_HDR = 0x4000;

    private readonly SafeFileHandle _tap;

    public TapLink(NetworkNamespace where, string name)
    {
        (_tap, Index) = where.Run(() =>
        {
            SafeFileHandle tap = File.OpenHandle("/dev/net/tun", FileMode.Open, FileAccess.ReadWrite);
            // struct ifreq: the name, then the flags.
            byte[] request = new byte[40];
            Encoding.ASCII.GetBytes(name, request);
            BitConverter.TryWriteBytes(request.AsSpan(16), (short)(IFF_TAP | IFF_NO_PI | IFF_VNET_HDR));
            fixed (byte* at = request)
            {
                if (ioctl(tap, TUNSETIFF, at) != 0) throw new Win32Exception();
            }

            return (tap, (int)NetIf.if_nametoindex(name));
        });
        where.Ip($"link set {name} up");
    }

    public int Index { get; }

    public void Send(CraftedFrame frame)
    {
        byte[] packet = frame.ToPacket();
        fixed (byte* at = packet) Assert.That(write(_tap, at, (nuint)packet.Length), Is.EqualTo((nint)packet.Length));
    }

    public void Dispose() => _tap.Dispose();

    [LibraryImport("libc", SetLastError = true)]
    private static partial int ioctl(SafeHandle fd, ulong request, void* argument);

    [LibraryImport("libc", SetLastError = true)]
    private static partial nint write(SafeHandle fd, void* bytes, nuint count);
}
