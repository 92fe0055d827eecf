using System.Collections.Immutable;
using HostAgent.Accounts;
using HostAgent.Governing;
using HostAgent.Links;
using HostAgent.Policy;
using HostAgent.Sensors;

namespace HostAgent.Pipeline;

/// <summary>What carries out the decisions: the seam between those who decide and the engine.</summary>
internal interface IMirror : IWarns
{
    /// <summary>Raised when a sensor begins or ceases to take frames without a change of what it is told to do; on any thread.</summary>
    event Action? Changed;

    /// <summary>What may stay as it is and is good to know, each in one sentence.</summary>
    IEnumerable<string> Notes { get; }

    /// <summary>
    /// Captures the links of the pods that are captured by <paramref name="coverage"/>, and sends to <paramref name="sensor"/> what
    /// <paramref name="restraint"/> leaves of what their rules say.
    /// </summary>
    /// <param name="coverage">What is to be done about each pod.</param>
    /// <param name="sensor">Who receives.</param>
    /// <param name="policy">How.</param>
    /// <param name="restraint">What the governor leaves.</param>
    /// <param name="canaryVni">The VNI under which canaries are sent; null for none.</param>
    /// <returns>
    /// The sensor as it is used: as given, or with a reason and without the endpoints whose sockets could not be opened, or whose stream is
    /// not connected.
    /// </returns>
    SensorStatus Apply(ImmutableArray<PodCoverage> coverage, SensorStatus sensor, SensorPolicy policy, Restraint restraint = default,
        uint? canaryVni = null);

    /// <summary>
    /// What was captured on a link in each direction; null for a link that is not captured, and with a filter, of all links or its own,
    /// which may want one direction only.
    /// </summary>
    DirectionCounts? Directions(Link link);

    /// <summary>What was captured of each pod in scope.</summary>
    IReadOnlyCollection<PodTraffic> Traffic { get; }
}
