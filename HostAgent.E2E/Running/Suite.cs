using HostAgent.E2E.Acting;
using NUnit;
using NUnit.Framework.Api;
using NUnit.Framework.Interfaces;

namespace HostAgent.E2E.Running;

/// <summary>
/// This program's tests, run by NUnit within it. The program makes one cluster after the other for them and removes it whatever happens;
/// dotnet test would end at Ctrl-C without a word to the tests.
/// </summary>
/// <param name="names">Regular expressions for the names of the tests that shall run; none for all.</param>
internal sealed class Suite(string[] names, Report report) : ITestListener
{
    private string _where = "";

    /// <summary>The names that match no test.</summary>
    public IEnumerable<string> Unknown => names.Where(n => Load().CountTestCases(new Choice(_ => true, [n])) == 0);

    public bool Has(Predicate<Type> classes) => Load().CountTestCases(new Choice(classes, names)) > 0;

    /// <summary>Runs the chosen tests of these classes. After an interruption no further one is started.</summary>
    /// <exception cref="OperationCanceledException">The suite was interrupted.</exception>
    public void Run(string where, Predicate<Type> classes)
    {
        _where = where;
        NUnitTestAssemblyRunner runner = Load();
        using CancellationTokenRegistration stop = Interruption.Token.Register(runner.StopRun);
        runner.Run(this, new Choice(classes, names));
        Interruption.Token.ThrowIfCancellationRequested();
    }

    public void TestStarted(ITest test)
    {
        if (!test.IsSuite && test.RunState == RunState.Runnable) report.Say($"-- {_where}: {Title(test)}");
    }

    public void TestFinished(ITestResult result)
    {
        if (result.Test.IsSuite || Interruption.Token.IsCancellationRequested) return;
        if (result.ResultState.Status == TestStatus.Skipped)
        {
            report.Add(new Outcome(_where, Title(result.Test), Outcome.LeftOut, $"- {result.Message}"));
            return;
        }

        if (result.Output.Length > 0) report.Note(result.Output);
        string outcome = result.ResultState.Status == TestStatus.Passed ? Outcome.Passed : Outcome.Failed;
        if (outcome == Outcome.Failed)
        {
            report.Detail(result.Message);
            report.Detail(result.StackTrace ?? "");
            report.Detail("log: " + AgentDeployment.LastLog(lines: 15).Replace("\n", "\nlog: "));
        }

        report.Say($"   {outcome} after {result.Duration:F0} s");
        report.Add(new Outcome(_where, Title(result.Test), outcome, $"{result.Duration:F0}"));
    }

    public void TestOutput(TestOutput output) => report.Detail(output.Text);

    public void SendMessage(TestMessage message)
    {
    }

    private static string Title(ITest test) => test.Name.Replace('_', ' ');

    private static NUnitTestAssemblyRunner Load()
    {
        var runner = new NUnitTestAssemblyRunner(new DefaultTestAssemblyBuilder());
        runner.Load(typeof(Suite).Assembly, new Dictionary<string, object> { [FrameworkPackageSettings.NumberOfTestWorkers] = 0 });
        return runner;
    }
}
