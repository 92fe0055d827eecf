using System.Diagnostics;
using System.Globalization;
using System.Text.RegularExpressions;
using HostAgent.Interop;
using HostAgent.Lab;

namespace HostAgent.Tests.Network;

/// <summary>
/// tcpdump on one link: an independent witness of what crossed it. It is capturing once <see cref="StartAsync"/> returns, and holds all
/// that crossed before <see cref="StopAsync"/> was called. Not a <see cref="ChildProcess"/>: tcpdump answers on stderr, line by line.
/// </summary>
internal sealed partial class LinkCapture : IAsyncDisposable
{
    private static readonly TimeSpan AtRest = TimeSpan.FromSeconds(3);

    private readonly Process _tcpdump;
    private readonly string _link;
    private readonly string _file;
    private readonly List<string> _said = [];
    private readonly TaskCompletionSource _listening = new(TaskCreationOptions.RunContinuationsAsynchronously);
    private TaskCompletionSource<(long Captured, long Received, long Dropped)> _counts = new();
    private IReadOnlyList<DecodedFrame>? _decoded;

    private LinkCapture(Process tcpdump, string link, string file)
    {
        _tcpdump = tcpdump;
        _link = link;
        _file = file;
        _tcpdump.ErrorDataReceived += (_, line) => Hear(line.Data);
        _tcpdump.BeginErrorReadLine();
    }

    /// <summary>The pcap file, complete once stopped; removed with the capture.</summary>
    public string File => _file;

    /// <param name="where">The namespace of the link.</param>
    /// <param name="link">Its name, such as <see cref="PodNetwork.Link"/> inside a pod.</param>
    /// <param name="filter">A pcap-filter(7) expression; empty for everything, which includes the IGMP, MLD and NDP chatter of a link that
    /// has just come up.</param>
    public static async Task<LinkCapture> StartAsync(NetworkNamespace where, string link, string filter = "")
    {
        Require.Program("tcpdump");
        Require.Program("tshark");
        string file = Path.Combine(Path.GetTempPath(), $"{TestNode.UniqueName()}.pcap");
        // 64 MiB of ring; -Z: tcpdump would otherwise become a user who may not write the file.
        ProcessStartInfo start = where.StartInfo(
            ["tcpdump", "-i", link, "-n", "-s", "262144", "-B", "65536", "-U", "-Z", "root", "-w", file, .. Words(filter)]);
        start.RedirectStandardError = true;
        var capture = new LinkCapture(HostTool.Start(start), link, file);
        try
        {
            await capture._listening.Task.WaitAsync(TimeSpan.FromSeconds(30));
            return capture;
        }
        catch (Exception e)
        {
            await capture.DisposeAsync();
            throw new AssertionException($"tcpdump does not capture on {link}: {string.Join('\n', capture._said)}", e);
        }
    }

    public static Task<LinkCapture> StartAsync(PodNetwork pod, string filter = "") => StartAsync(pod.Namespace, PodNetwork.Link, filter);

    /// <summary>Ends the capture when everything that crossed the link until now is written, and decodes it with tshark.</summary>
    /// <exception cref="AssertionException">tcpdump lost frames: the test has no witness.</exception>
    public async Task<IReadOnlyList<DecodedFrame>> StopAsync()
    {
        if (_decoded is not null) return _decoded;
        long start = Stopwatch.GetTimestamp(), progress = start;
        (long Captured, long Received, long Dropped) now = default;
        do
        {
            // The kernel hands a ring's block over when it is full or a second old; the numbers agree once it has.
            if (Stopwatch.GetElapsedTime(start).TotalSeconds > 60)
                Assert.Fail($"tcpdump on {_link} does not catch up: {string.Join('\n', _said)}");
            await Task.Delay(50);
            (long Captured, long Received, long Dropped) before = now;
            now = await CountAsync();
            if (now.Captured != before.Captured) progress = Stopwatch.GetTimestamp();
            if (now.Dropped > 0) Assert.Fail($"tcpdump on {_link} lost {now.Dropped} of {now.Received} frames");
        }
        // What came before the filter was in force was received, but is never captured: then the numbers do not agree, but they rest.
        while (now.Captured < now.Received && Stopwatch.GetElapsedTime(progress) < AtRest);
        await EndAsync();
        return _decoded = await Tshark.DecodeAsync(_file);
    }

    public async ValueTask DisposeAsync()
    {
        await EndAsync();
        _tcpdump.Dispose();
        System.IO.File.Delete(_file);
    }

    private static string[] Words(string text) => text.Split(' ', StringSplitOptions.RemoveEmptyEntries);

    private async Task<(long Captured, long Received, long Dropped)> CountAsync()
    {
        var answer = new TaskCompletionSource<(long, long, long)>(TaskCreationOptions.RunContinuationsAsynchronously);
        _counts = answer;
        if (_tcpdump.HasExited || Signal.kill(_tcpdump.Id, Signal.SIGUSR1) != 0)
            Assert.Fail($"tcpdump on {_link} has ended: {string.Join('\n', _said)}");
        return await answer.Task.WaitAsync(TimeSpan.FromSeconds(30));
    }

    private async Task EndAsync()
    {
        if (!_tcpdump.HasExited) _ = Signal.kill(_tcpdump.Id, Signal.SIGTERM);
        await _tcpdump.WaitForExitAsync();
    }

    private void Hear(string? line)
    {
        if (line is null)
        {
            _listening.TrySetException(new InvalidOperationException("tcpdump has ended"));
            return;
        }

        _said.Add(line);
        if (line.Contains("listening on", StringComparison.Ordinal)) _listening.TrySetResult();
        Match match = Counts().Match(line);
        if (match.Success) _counts.TrySetResult((Number(match, 1), Number(match, 2), Number(match, 3)));
    }

    private static long Number(Match match, int group) => long.Parse(match.Groups[group].ValueSpan, CultureInfo.InvariantCulture);

    [GeneratedRegex(@"(\d+) packets? captured, (\d+) packets? received by filter, (\d+) packets? dropped by kernel")]
    private static partial Regex Counts();
}
