using System.Runtime.InteropServices;
using HostAgent.Interop;
using Microsoft.Win32.SafeHandles;
using static HostAgent.Interop.SysPoll;

namespace HostAgent.Tap;

/// <summary>
/// Stdout or a file. (Console's stream would not say that nobody reads stdout any more.) One thread writes, any may ask.
/// </summary>
internal sealed unsafe class TapOutput : IDisposable
{
    private const int WhileFull = 100;

    private readonly SafeFileHandle _file;
    private readonly IDisposable _owner;
    private long _since;

    private TapOutput(SafeFileHandle file, IDisposable owner) => (_file, _owner) = (file, owner);

    /// <summary>For how long a write has been waiting for the reader.</summary>
    public TimeSpan Stalled => Volatile.Read(ref _since) is > 0 and var since
        ? TimeSpan.FromMilliseconds(Environment.TickCount64 - since)
        : TimeSpan.Zero;

    public static TapOutput Stdout()
    {
        var stdout = new SafeFileHandle(Unistd.STDOUT_FILENO, ownsHandle: false);
        return new TapOutput(stdout, stdout);
    }

    /// <summary>A new file, or one that is replaced; for its owner only, since it holds what others said.</summary>
    /// <exception cref="IOException">It cannot be made; UnauthorizedAccessException likewise.</exception>
    public static TapOutput Create(string path)
    {
        var made = new FileStream(path, new FileStreamOptions
        {
            Mode = FileMode.Create,
            Access = FileAccess.Write,
            BufferSize = 0,
            UnixCreateMode = UnixFileMode.UserRead | UnixFileMode.UserWrite,
        });
        return new TapOutput(made.SafeFileHandle, made);
    }

    /// <summary>Whether the reader of a pipe or socket has closed it. A file has none.</summary>
    public bool IsAbandoned()
    {
        var end = new pollfd { fd = (int)_file.DangerousGetHandle() };
        return poll(&end, 1, 0) > 0 && (end.revents & (POLLERR | POLLHUP)) != 0;
    }

    /// <summary>Writes all of it, however long that takes.</summary>
    /// <returns>False when nobody reads any more.</returns>
    /// <exception cref="ErrnoException">It cannot be written: the disk is full, say.</exception>
    public bool Write(ReadOnlySpan<byte> bytes)
    {
        Volatile.Write(ref _since, Environment.TickCount64);
        try
        {
            while (!bytes.IsEmpty)
            {
                nint taken = WriteSome(bytes);
                if (taken < 0) return false;
                if (taken > 0) Volatile.Write(ref _since, Environment.TickCount64);
                bytes = bytes[(int)taken..];
            }

            return true;
        }
        finally
        {
            Volatile.Write(ref _since, 0);
        }
    }

    public void Dispose() => _owner.Dispose();

    /// <returns>How much; -1 when nobody reads any more.</returns>
    private nint WriteSome(ReadOnlySpan<byte> bytes)
    {
        int descriptor = (int)_file.DangerousGetHandle();
        nint taken;
        fixed (byte* first = bytes) taken = Unistd.write(descriptor, first, (nuint)bytes.Length);
        if (taken >= 0) return taken;
        switch (Marshal.GetLastPInvokeError())
        {
            case Errno.EPIPE:
                return -1;
            case Errno.EINTR:
                return 0;
            case Errno.EAGAIN:
                // Whoever made the pipe does not let it block.
                var room = new pollfd { fd = descriptor, events = POLLOUT };
                _ = poll(&room, 1, WhileFull);
                return 0;
            case var errno:
                throw new ErrnoException("write", "the capture", errno);
        }
    }
}
