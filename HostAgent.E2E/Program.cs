using HostAgent.E2E.Acting;
using HostAgent.E2E.ApiServer;
using HostAgent.E2E.Running;
using HostAgent.E2E.Tests;

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
            if (arguments[0] == "api") suite.Run("api", c => c == typeof(ApiServerTests));
            else if (Settings.ClusterDirectory is { } directory) OnMadeClusters(suite, report, new ClusterScripts(directory));
            else if (Settings.Has("KUBECONFIG")) OnGivenCluster(suite, report);
            else return Refuse("make e2e needs a cluster: KUBECONFIG=FILE for one that is there, or CLUSTER=DIR for scripts that make one");
        }
        catch (OperationCanceledException)
        {
            // What was made is removed.
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
        scripts.Build(Settings.Image);
        if (suite.Has(IsClusterTest))
        {
            foreach (string cni in Settings.Cnis)
                OnMadeCluster(scripts, ["--cni", cni], bed => RunPrepared(suite, report, bed, cni, IsClusterTest));
        }

        if (suite.Has(IsPolicyTest)) OnMadeCluster(scripts, ["--psp"], _ => suite.Run("psp", IsPolicyTest));
    }

    private static void OnMadeCluster(ClusterScripts scripts, string[] options, Action<TestBed> run)
    {
        if (scripts.IsUp) throw new InvalidOperationException("a cluster of these scripts is there already, and is not touched");
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
    }

    private static void OnGivenCluster(Suite suite, Report report)
    {
        using TestBed bed = TestBed.Current = new TestBed(scripts: null);
        try
        {
            RunPrepared(suite, report, bed, "cluster", c => IsClusterTest(c) || IsPolicyTest(c));
        }
        finally
        {
            Command.PutBack(
                "kubectl", "delete", "-f", AgentDeployment.Manifest, "-f", SuitePods.Manifest, "--ignore-not-found", "--wait=false");
        }
    }

    private static void RunPrepared(Suite suite, Report report, TestBed bed, string where, Predicate<Type> classes)
    {
        try
        {
            bed.Prepare();
        }
        catch (Exception e) when (e is not OperationCanceledException)
        {
            report.Detail(e.Message);
            report.Detail(Kubectl.Try("get", "pods", "-A", "-o", "wide").Output);
            report.Add(new Outcome(where, "preparation", Outcome.Failed, ""));
            return;
        }

        suite.Run(where, classes);
    }

    private static bool IsClusterTest(Type type) => type.IsSubclassOf(typeof(ClusterTests));

    private static bool IsPolicyTest(Type type) => type == typeof(PodSecurityPolicyTests);
}
