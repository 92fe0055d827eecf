using HostAgent.Frames;
using HostAgent.Observability;
using HostAgent.Selection;

namespace HostAgent.Tap;

/// <summary>A link of the pod that is tapped, and what came of it. The tap's own thread counts.</summary>
internal sealed class TapLink
{
    private TapLink(MirroredLink captured, string name, string description) =>
        (Captured, Name, Description) = (captured, name, description);

    /// <summary>As the pipeline knows links. It has no VNI: nothing is tunnelled.</summary>
    public MirroredLink Captured { get; }

    public string Name { get; }

    /// <summary>Whose it is.</summary>
    public string Description { get; }

    /// <summary>Its place in the order in which links were begun, from 0 on.</summary>
    public int Number { get; set; }

    /// <summary>Frames as the wire has them that were taken.</summary>
    public long Taken { get; set; }

    /// <summary>Frames that the kernel had no room for; of several links at once all are the first one's.</summary>
    public long Dropped { get; set; }

    /// <summary>Frames that could not be made what the wire has.</summary>
    public long Uncut { get; set; }

    /// <summary>The links that the agent names.</summary>
    public static IEnumerable<TapLink> Of(TapDocument granted)
    {
        string[] name = granted.Pod.Split('/', 2);
        var pod = new MirroredPod(name[0], name[^1], granted.Uid ?? "", shards: 1);
        foreach (TapDocument.TappedLink link in granted.Links)
        {
            yield return new TapLink(
                new MirroredLink(link.Ifindex, pod, Vni: 0, Bridge: 0, Since: Frame.Now, [new LinkCounters(link.Ifindex)]),
                link.Name,
                $"pod {pod}, uid {pod.Uid}, address {link.Ip}, ifindex {link.Ifindex}, rule {granted.Rule ?? "none (tap: any)"}");
        }
    }
}
