using System.CommandLine;
using System.Runtime.InteropServices;
using HostAgent.Bench.Measuring;
using HostAgent.Bench.Micro;
using HostAgent.Bench.PodMaps;
using HostAgent.Bench.Sensors;
using HostAgent.Lab;

namespace HostAgent.Bench;

/// <summary>The command line. Exit codes: 0 measured, 1 failed, or more is allocated than expected.</summary>
internal static class BenchCommandLine
{
    private const string Columns =
        "delivered   of what crossed the mirrored pod's link: TCP payload, or datagrams\n"
        + "production  what the pods themselves achieved; \"of none\": relative to no mirror\n"
        + "cost        CPU of all processes involved and of ksoftirqd beyond the same traffic without a mirror in the "
        + "same repetition, sensor included,\n"
        + "            per frame on the link or per GB of TCP payload\n"
        + "× kernel    cost relative to the kernel's own way: tc mirred to a vxlan device (1500); a stream's, to the sniffer's\n"
        + "× bpf       the same, relative to kernel-bpf: an in-kernel mirror that does all that a sensor needs\n"
        + "±           half of (highest - lowest) cost, of the median\n"
        + "p50 / p99   from the pod's send to the sensor's link (or the read of its socket)\n"
        + "others      cores that everything else on the machine used meanwhile: the noise";

    public static async Task<int> InvokeAsync(string[] args)
    {
        var tests = new ListOption<Test>(
            "--tests", "Comma separated, or all: " + string.Join("; ", Test.All.Select(t => $"{t.Name} ({t.Description})")),
            Test.All, t => t.Name, "t1,t2,t3,t1max,verify");
        var systems = new ListOption<string>(
            "--systems",
            "none, kernel (tc mirred to a vxlan device), kernel-cut (the same without offloads: cut and summed), "
            + "kernel-bpf (eBPF clones and encapsulates, cut and summed; needs clang), agent, agent-empty (no pod in scope), "
            + "agent-asked (its own port is flooded with connections)",
            ["none", "kernel", "kernel-cut", "kernel-bpf", "agent", "agent-empty", "agent-asked"], s => s,
            "none,kernel,kernel-cut,kernel-bpf,agent");
        var sensors = new ListOption<SensorKind>(
            "--sensors",
            "sniff (pod, MTU 9000), socket (pod, MTU 1500), stream (the pod with MTU 9000, TCP), streamtls (the same over TLS 1.3, with "
            + "certificates on both ends: the policy's sensor.offHost), losniff, losocket (host network)",
            Enum.GetValues<SensorKind>(), s => s.ToString(), "sniff,socket");
        var repetitions = new Option<int>("--repetitions")
        {
            Description = "How often; the systems take turns.",
            DefaultValueFactory = _ => 2,
        };
        var seconds = new Option<double>("--seconds") { Description = "Of traffic in each test.", DefaultValueFactory = _ => 3 };
        var agent = new Option<string>("--agent")
        {
            HelpName = "FILE",
            Description = "The agent's executable; by default the one that $AGENT names (make bench: as it is in the image), "
                + "or the one built with this program.",
            DefaultValueFactory = _ => Environment.GetEnvironmentVariable("AGENT") ?? Path.Combine(AppContext.BaseDirectory, "host-agent"),
        };
        var before = new Option<string?>("--before")
        {
            HelpName = "FILE",
            Description = "Another build of the agent, to be measured beside it as agent-before.",
        };
        var segments = new Option<string>("--segments")
        {
            HelpName = "LIST",
            Description = "What the policy of the system agent says as sensor.segments: wire, link or bytes. "
                + "Of several, each but wire is a system of its own, such as agent-link.",
            DefaultValueFactory = _ => "wire",
        };
        var slice = new Option<string>("--slice")
        {
            HelpName = "LIST",
            Description = "What the policy of further systems of the kind agent says as slice, such as 64KiB: "
                + "each is a system of its own, such as agent-64KiB, beside the agent that mirrors whole flows.",
            DefaultValueFactory = _ => "",
        };
        var json = new Option<string?>("--json") { HelpName = "FILE", Description = "Write every sample there." };

        var system = new Command("system", $"Systems side by side on traffic between namespaces, as Markdown.\n\n{Columns}")
        {
            tests.Option, systems.Option, sensors.Option, repetitions, seconds, agent, before, segments, slice, json,
        };
        system.SetAction((parsed, cancellation) => SystemAsync(
            new BenchOptions(
                tests.In(parsed), systems.In(parsed), sensors.In(parsed),
                parsed.GetValue(repetitions), parsed.GetValue(seconds), Path.GetFullPath(parsed.GetValue(agent)!),
                parsed.GetValue(before) is { } other ? Path.GetFullPath(other) : null,
                WordsOf(parsed.GetValue(segments)!),
                WordsOf(parsed.GetValue(slice)!),
                parsed.GetValue(json)),
            cancellation));

        var filter = new Option<string>("--filter")
        {
            HelpName = "GLOB",
            Description = "Only these benchmarks.",
            DefaultValueFactory = _ => "*",
        };
        var micro = new Command("micro", "The hot path, function by function, and that it allocates nothing; and a scrape of /metrics.")
            { filter };
        micro.SetAction(parsed => MicroBenchmarks.Run(parsed.GetValue(filter)!));

        var pods = new Option<int[]>("--pods")
        {
            HelpName = "NUMBERS",
            Description = "How many pods the clusters have, one after the other.",
            AllowMultipleArgumentsPerToken = true,
            DefaultValueFactory = _ => [5000, 150_000],
        };
        var podMap = new Command(
            "pod-map", "What podMap with scope: cluster costs an agent, against a generated API server on loopback, as Markdown.")
            { pods, agent };
        podMap.SetAction((parsed, cancellation) =>
            PodMapAsync(Path.GetFullPath(parsed.GetValue(agent)!), parsed.GetValue(pods)!, cancellation));

        var root = new RootCommand("Measures the agent. Without a command: system and micro, quickly.") { system, micro, podMap };
        root.SetAction(async (_, cancellation) =>
        {
            int code = MicroBenchmarks.Run("*");
            return Math.Max(code, await root.Parse(["system"]).InvokeAsync(cancellationToken: cancellation));
        });
        return await root.Parse(args).InvokeAsync(
            new InvocationConfiguration { EnableDefaultExceptionHandler = false, ProcessTerminationTimeout = null });
    }

    private static string[] WordsOf(string list) =>
        list.Split(',', StringSplitOptions.RemoveEmptyEntries | StringSplitOptions.TrimEntries);

    private static async Task<int> PodMapAsync(string agent, int[] pods, CancellationToken cancellation)
    {
        try
        {
            await PodMapCost.RunAsync(agent, pods, cancellation);
            return 0;
        }
        catch (InvalidOperationException e)
        {
            await Console.Error.WriteLineAsync(e.Message);
            return 1;
        }
    }

    private static async Task<int> SystemAsync(BenchOptions options, CancellationToken cancellation)
    {
        using var ended = CancellationTokenSource.CreateLinkedTokenSource(cancellation);
        using PosixSignalRegistration interrupted = PosixSignalRegistration.Create(PosixSignal.SIGINT, End);
        using PosixSignalRegistration terminated = PosixSignalRegistration.Create(PosixSignal.SIGTERM, End);
        using PosixSignalRegistration hungUp = PosixSignalRegistration.Create(PosixSignal.SIGHUP, End);
        try
        {
            if (!Environment.IsPrivilegedProcess)
                throw new InvalidOperationException("this needs root, because it makes network namespaces: run it with sudo");
            IReadOnlyList<Sample> samples = await SystemBenchmark.RunAsync(options, Console.Error, ended.Token);
            if (samples.Count > 0) new MarkdownReport(samples, Console.Out).Write();
            return 0;
        }
        catch (OperationCanceledException) when (ended.IsCancellationRequested)
        {
            await Console.Error.WriteLineAsync("interrupted; everything that was made is removed");
            return 1;
        }
        catch (Exception e) when (e is InvalidOperationException or ProgramMissingException or IOException or HttpRequestException)
        {
            await Console.Error.WriteLineAsync(e.Message);
            return 1;
        }

        void End(PosixSignalContext signal)
        {
            signal.Cancel = true;
            ended.Cancel();
        }
    }
}
