using HostAgent.Cluster;
using HostAgent.Commands;
using HostAgent.Deciding;
using HostAgent.Governing;
using HostAgent.Links;
using HostAgent.Observability;
using HostAgent.Policy;
using HostAgent.Sensors;
using Microsoft.Extensions.Logging;

namespace HostAgent;

/// <summary><c>host-agent check</c>: the same survey as <c>run</c> takes, once, with nothing captured.</summary>
internal static class CheckCommand
{
    // Enough to tell a busy pod from a quiet one, and no longer than people like to wait.
    private static readonly TimeSpan Watching = TimeSpan.FromSeconds(1);

    /// <exception cref="PolicyException">A policy file is not valid.</exception>
    /// <exception cref="IOException">The host refused what the survey needs; the message names the call and the subject.</exception>
    public static async Task<AgentStatus> RunAsync(AgentOptions options, CancellationToken cancellation)
    {
        using ILoggerFactory logs = AgentLog.Create(Environment.GetEnvironmentVariable(AgentLog.FormatVariable));
        using var policy = new PolicyFile(options.PolicyFile, logs.CreateLogger<PolicyFile>());
        using PolicyFile? old = options.Against is { } file ? new PolicyFile(file, logs.CreateLogger<PolicyFile>()) : null;
        using NodeView node = await NodeView.OpenAsync(
            new ClusterSource(options.ClusterFile, options.Kubeconfig, options.NodeName, logs), logs, cancellation);
        // Before any survey: then all that is compared is of one moment.
        LinkRates? rates = old is null ? null : await LinkRates.WatchAsync(Watching, cancellation);
        (SensorStatus sensor, Coverage coverage) = node.Take(node.NewSurvey(), policy.Current);
        return new AgentStatus(
            options.NodeName, policy.Current.Revision, sensor, coverage.Pods, [.. coverage.Warnings, .. node.Warnings()])
        {
            Notes = coverage.Notes,
            Filter = options.Filter?.Expression,
            CanaryVni = policy.Current.CanaryVni,
            Governor = new(BudgetInForce.Of(policy.Current.Budget, CpuCgroup.Own()?.Quota())),
            Against = rates is null ? null : Compare(node, old!.Current, policy.Current, coverage, rates),
        };
    }

    private static PolicyComparison Compare(NodeView node, MirrorPolicy old, MirrorPolicy now, Coverage coverage, LinkRates rates)
    {
        (SensorStatus sensor, Coverage before) = node.Take(node.NewSurvey(), old);
        return PolicyComparison.Of((old, sensor, before), (now, coverage), node.Namespaces, rates);
    }
}
