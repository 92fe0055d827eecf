using HostAgent.E2E.Acting;
using HostAgent.E2E.ApiServer;
using HostAgent.E2E.Running;
using HostAgent.E2E.Tests;
using HostAgent.Lab;

namespace HostAgent.E2E;

/// <summary>
/// HostAgent.E2E api|cluster [TEST...]: runs the tests of this program. It is started by make in the repository's directory; docs/e2e.md
/// has its settings. It ends with 0 when a test passed and none failed, with 130 after Ctrl-C.
/// </summary>
internal static class Program
{
    private const int Interrupted = 130;

    private static int Main(string[] arguments)
    {
        if (arguments is not ["api" or "cluster", .. string[] names]) return Refuse("HostAgent.E2E api|cluster [TEST...]");
        var report = new Report(Console.Out);
        var suite = new Suite(names, report);
        if (suite.Unknown.ToArray() is { Length: > 0 } unknown) return Refuse($"no test is named {string.Join(" or ", unknown)}");
        using var interruption = new Interruption();
        try
        {
            if (arguments[0] == "api") suite.Run("api", c => c == typeof(ApiServerTests) || c == typeof(EventTests));
            else if (Settings.ClusterDirectory is { } directory) OnMadeClusters(suite, report, new ClusterScripts(directory));
            else if (Settings.Has("KUBECONFIG")) OnGivenCluster(suite, report);
            else return Refuse("make e2e needs a cluster: KUBECONFIG=FILE for one that is there, or CLUSTER=DIR for scripts that make one");
        }
        catch (Exception) when (Interruption.Token.IsCancellationRequested)
        {
            // What was made is removed.
        }
        catch (Exception e) when (e is InvalidOperationException or ProgramMissingException)
        {
            return Refuse(e.Message);
        }

        if (Interruption.Token.IsCancellationRequested) return Interrupted;
        report.Summarize();
        return report.IsGood ? 0 : 1;
    }

    private static int Refuse(string why)
    {
        Console.Error.WriteLine(why);
        return 1;
    }

    private static void OnMadeClusters(Suite suite, Report report, ClusterScripts scripts)
    {
        if (scripts.IsUp) throw new InvalidOperationException("A cluster of these scripts is there already. It is not touched.");
        scripts.Build(Settings.Image);
        if (suite.Has(IsClusterTest))
        {
            foreach (string cni in Settings.Cnis)
            {
                OnMadeCluster(report, scripts, cni, ["--cni", cni], bed =>
                {
                    bed.Prepare();
                    suite.Run(cni, IsClusterTest);
                });
            }
        }

        if (suite.Has(IsRelayTest))
        {
            OnMadeCluster(report, scripts, "2 nodes", ["--cni", Settings.Cnis[0], "--nodes", "2"], bed =>
            {
                bed.Prepare();
                suite.Run("2 nodes", IsRelayTest);
            });
        }

        if (suite.Has(IsPolicyTest)) OnMadeCluster(report, scripts, "psp", ["--psp"], _ => suite.Run("psp", IsPolicyTest));
    }

    private static void OnMadeCluster(Report report, ClusterScripts scripts, string where, string[] options, Action<TestBed> run) =>
        Guard(report, where, () =>
        {
            try
            {
                scripts.Up(options);
                using TestBed bed = TestBed.Current = new TestBed(scripts);
                run(bed);
            }
            finally
            {
                scripts.Down();
            }
        });

    private static void OnGivenCluster(Suite suite, Report report) => Guard(report, "cluster", () =>
    {
        using TestBed bed = TestBed.Current = new TestBed(scripts: null);
        try
        {
            bed.Prepare();
            suite.Run("cluster", c => IsClusterTest(c) || IsRelayTest(c) || IsPolicyTest(c));
        }
        finally
        {
            Command.PutBack(
                "kubectl", "delete", "-f", AgentDeployment.Manifest, "-f", SuitePods.Manifest, "--ignore-not-found", "--wait=false");
        }
    });

    /// <summary>A cluster that cannot be made, prepared or removed is a failure among the others.</summary>
    private static void Guard(Report report, string where, Action run)
    {
        try
        {
            run();
        }
        catch (Exception e) when (!Interruption.Token.IsCancellationRequested)
        {
            report.Detail(e.Message);
            report.Add(new Outcome(where, "the cluster itself", Outcome.Failed, ""));
        }
    }

    private static bool IsClusterTest(Type type) => type.IsSubclassOf(typeof(ClusterTests));

    private static bool IsRelayTest(Type type) => type == typeof(RelayTests);

    private static bool IsPolicyTest(Type type) => type == typeof(PodSecurityPolicyTests);
}
