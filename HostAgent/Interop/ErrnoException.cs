using System.Runtime.InteropServices;

namespace HostAgent.Interop;

/// <summary>A system call failed: which, on what, with which errno.</summary>
public sealed class ErrnoException : IOException
{
    /// <param name="call">The system call or socket option, as its manual page names it.</param>
    /// <param name="subject">What it was applied to: a link, a path, an address. May be empty.</param>
    /// <param name="errno">The error number; see errno(3).</param>
    public ErrnoException(string call, string subject, int errno)
        : base($"{call}{(subject.Length > 0 ? $" {subject}" : "")}: {Marshal.GetPInvokeErrorMessage(errno)} (errno {errno})")
    {
        Call = call;
        Subject = subject;
        Errno = errno;
    }

    public string Call { get; }

    public string Subject { get; }

    public int Errno { get; }

    /// <summary>For the call that has just failed on this thread (P/Invoke's last error).</summary>
    public static ErrnoException Last(string call, string subject = "") => new(call, subject, Marshal.GetLastPInvokeError());
}
