using HostAgent.E2E.Acting;
using HostAgent.E2E.Judging;
using NUnit.Framework.Interfaces;

namespace HostAgent.E2E.Tests;

/// <summary>Tests on a cluster with the agent and the suite's pods. Each leaves behind what it found.</summary>
internal abstract class ClusterTests
{
    protected static TestBed Bed => TestBed.Current;

    protected static AgentOnNode Agent => Bed.Agent;

    protected static Judgement Judgement => Bed.Judgement;

    /// <summary>Whatever a test broke or only asked: no test passes when the agent is absent, or does not recover.</summary>
    [TearDown]
    public void Every_test_ends_with_the_same_judgement()
    {
        if (TestContext.CurrentContext.Result.Outcome.Status != TestStatus.Failed) Judgement.AssertRight();
    }
}
