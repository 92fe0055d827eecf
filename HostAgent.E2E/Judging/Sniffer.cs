using HostAgent.E2E.Acting;
using HostAgent.E2E.Running;

namespace HostAgent.E2E.Judging;

/// <summary>tcpdump in a pod, which hears of web requests that the client makes meanwhile.</summary>
internal static class Sniffer
{
    // timeout(1)
    private const int TimedOut = 124;

    /// <returns>What it printed of VXLAN until it had heard so many packets, or for so long.</returns>
    public static string Listen(RunningPod pod, int packets, int seconds) => DuringWebRequests(pod.StartExec(
        "timeout", $"{seconds}", "tcpdump", "-i", "eth0", "-nn", "-l", "-c", $"{packets}", "udp port 4789"));

    /// <param name="command">tcpdump, with timeout(1) around it.</param>
    /// <returns>What it printed to its end.</returns>
    public static string DuringWebRequests(Command command)
    {
        using (command)
        {
            while (!command.HasExited)
            {
                SuitePods.WebRequest();
                Wait.For(TimeSpan.FromSeconds(0.2));
            }

            CommandResult result = command.Wait(Interruption.Token);
            // Whoever cannot listen hears nothing, too. tcpdump ends its output with an empty line.
            if (result.Code is not (0 or TimedOut)) throw new InvalidOperationException($"tcpdump: {result.LastWords}");
            return result.Output.Trim();
        }
    }
}
