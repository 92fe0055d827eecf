using System.Runtime.ExceptionServices;
using HostAgent.Interop;

namespace HostAgent.Links;

/// <summary>
/// Runs code inside another network namespace. The thread is made for the call and ends with it, so that no pool thread is ever left
/// in a foreign namespace; sockets opened inside stay in that namespace for life.
/// </summary>
internal static class NamespaceThread
{
    /// <param name="path">A namespace file, such as /run/netns/NAME or /proc/PID/ns/net.</param>
    /// <param name="work">What to run there.</param>
    /// <exception cref="ErrnoException">The namespace could not be entered (needs CAP_SYS_ADMIN).</exception>
    public static T Run<T>(string path, Func<T> work)
    {
        T result = default!;
        ExceptionDispatchInfo? failure = null;
        var thread = new Thread(() =>
        {
            try
            {
                using var file = File.OpenHandle(path);
                if (Sched.setns((int)file.DangerousGetHandle(), Sched.CLONE_NEWNET) != 0) throw ErrnoException.Last("setns", path);
                result = work();
            }
            catch (Exception e)
            {
                failure = ExceptionDispatchInfo.Capture(e);
            }
        })
        { IsBackground = true, Name = "netns" };
        thread.Start();
        thread.Join();
        failure?.Throw();
        return result;
    }
}
