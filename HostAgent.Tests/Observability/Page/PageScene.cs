using System.Collections.Immutable;
using System.Net;
using HostAgent.Accounts;
using HostAgent.Cluster;
using HostAgent.Deciding;
using HostAgent.Governing;
using HostAgent.Links;
using HostAgent.Observability;
using HostAgent.Policy;
using HostAgent.Sensors;
using Microsoft.Extensions.Logging.Abstractions;

namespace HostAgent.Tests.Observability;

/// <summary>An endpoint with made-up pods whose traffic goes on all the time: what a node would need hours for.</summary>
internal sealed class PageScene
{
    private static readonly string[] Apps = ["api", "db", "frontend", "dns", "cart", "billing", "mailer", "search"];
    private static readonly string[] Spaces = ["shop", "web", "payments"];

    /// <summary>Of the time that the page is told.</summary>
    public double Speed { get; init; } = 1;

    public List<PodCoverage> Pods { get; } = [];

    public SensorStatus Sensor { get; set; } = new(SensorState.Ready, SensorReads.Sniff,
        [new SensorEndpoint(IPAddress.Parse("10.99.0.6"), 4789, new Link { Index = 9, Name = "vethsensor", Mtu = 9000 },
            IPAddress.Parse("10.99.0.1"))], null);

    public ImmutableArray<string> Warnings { get; set; } = [];

    public ImmutableArray<PolicyError> PolicyErrors { get; set; } = [];

    public GovernorStatus Governor { get; set; } = new(new BudgetInForce(new CpuBudget(500), OfPolicy: true))
    {
        Level = GovernorLevel.Full,
        Since = new DateTimeOffset(2026, 1, 2, 3, 4, 5, TimeSpan.Zero),
        CoresUsed = 0.084,
    };

    /// <summary>How many of a thousand frames are lost for a reason.</summary>
    public Dictionary<LossReason, int> Lost { get; } = new() { [LossReason.Duplicate] = 180, [LossReason.Sample] = 40 };

    /// <summary>How often the status was asked for.</summary>
    public int Asked { get; private set; }

    /// <summary>Pods as a node has them: the later ones not all captured.</summary>
    public PageScene With(int pods)
    {
        for (int i = 0; i < pods; i++)
        {
            PodState state = i switch
            {
                < 20 => PodState.Captured,
                _ when i % 41 == 7 => PodState.Pending,
                _ when i % 83 == 5 => PodState.Unsupported,
                _ when i % 10 == 9 => PodState.NotSelected,
                _ => PodState.Captured,
            };
            Add(Spaces[i % 3], $"{Apps[i % 8]}-{0x7d9f8b + (i / 24):x}-{i * 7919 % 46656:x4}", state);
        }

        return this;
    }

    public PageScene Add(string space, string name, PodState state = PodState.Captured)
    {
        int i = Pods.Count;
        var ip = new IPAddress([10, 99, (byte)(i / 200), (byte)(2 + (i % 200))]);
        var pod = new Pod { Uid = $"u{i}", Namespace = space, Name = name, Ips = [ip] };
        MirrorRule? rule = state == PodState.NotSelected
            ? null : new MirrorRule(space, LabelSelector.Everything, LabelSelector.Everything, (uint)(100 + Array.IndexOf(Spaces, space)));
        string? reason = state switch
        {
            PodState.Captured => null,
            PodState.Pending => $"no link leads to its address {ip} yet",
            PodState.Unsupported => "it is on the host's network, so its frames cannot be told from the host's",
            _ => "no rule selects it",
        };
        FoundBy found = i % 3 == 0 ? FoundBy.Route : i % 3 == 1 ? FoundBy.Neighbour : FoundBy.Netns;
        Pods.Add(new PodCoverage(pod, rule, state, reason, state == PodState.Captured
            ? [new LinkMatch(new Link { Index = 10 + i, Name = $"veth{i * 40503 % 65536:x4}" }, ip, found)]
            : []));
        return this;
    }

    /// <param name="at">Where; on loopback at a port that the kernel chooses when it is not given.</param>
    public Task<HttpEndpoint> StartAsync(IPEndPoint? at = null)
    {
        var clock = new FastClock(Speed);
        RecentChange[] changes = [.. Pods.Where(pod => pod.State == PodState.Captured).Take(12).Select((pod, i) => new RecentChange(
            clock.GetUtcNow().AddMinutes(-0.6 - (i * i)), (ScopeChange)(i % 3), $"{pod.Pod}", pod.Rule!.Name, pod.Links[0].Link.Name,
            i % 3 == 1 ? "the pod is gone" : i % 3 == 2 ? "VNI 1 -> 100" : "it is there now"))];
        var content = new ServedContent(null!, Example.Healthy(), Status, () => Ledger(clock.Seconds))
        {
            Page = new PageSources
            {
                Pods = () => [.. Traffic(clock.Seconds)],
                PolicyErrors = () => PolicyErrors,
                Changes = () => changes,
                Clock = clock,
            },
        };
        return HttpEndpoint.StartAsync(
            [at ?? new IPEndPoint(IPAddress.Loopback, 0)], content, guard: null, NullLoggerFactory.Instance, default);
    }

    private AgentStatus Status()
    {
        Asked++;
        return new AgentStatus("worker-3", "4f1c0a9be27d", Sensor, [.. Pods], Warnings) { Governor = Governor };
    }

    /// <summary>Never falls, and no pod is like another.</summary>
    private IEnumerable<PodTraffic> Traffic(double seconds) => Pods.Select((pod, i) => (pod, i))
        .Where(at => at.pod.State == PodState.Captured).Select(at =>
        {
            double rate = 20 + (2500 * Math.Pow(Math.Abs(Math.Sin(at.i * 12.9898)), 5));
            double wave = (15 * Math.Cos((seconds / 30) + at.i)) + (2.4 * Math.Cos((seconds / 7) + (2 * at.i)))
                + (0.7 * Math.Cos((seconds / 2.6) + (5 * at.i)));
            long frames = (long)(rate * (seconds + 20 - wave));
            return new PodTraffic(at.pod.Pod.Namespace, at.pod.Pod.Name, at.pod.Pod.Uid, frames, frames * 700, frames / 1000);
        });

    private LedgerSnapshot Ledger(double seconds)
    {
        long seen = Traffic(seconds).Sum(pod => pod.Frames);
        ImmutableArray<long> losses =
            [.. Enum.GetValues<LossReason>().Select(reason => seen * Lost.GetValueOrDefault(reason) / 1000)];
        return LedgerSnapshot.Empty with { Seen = seen, Delivered = seen - losses.Sum(), Segments = seen - losses.Sum(), Losses = losses };
    }
}
