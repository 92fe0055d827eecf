namespace HostAgent.Links;

/// <summary>The spellings of <see cref="FoundBy"/> in JSON, metrics, tables and the log; stable, since scripts depend on them.</summary>
public static class FoundByNames
{
    public static string Name(this FoundBy foundBy) => foundBy switch
    {
        FoundBy.Route => "route",
        FoundBy.Neighbour => "neighbour",
        FoundBy.Netns => "netns",
        FoundBy.Learning => "learning",
        FoundBy.Sibling => "sibling",
        _ => throw new ArgumentOutOfRangeException(nameof(foundBy), foundBy, null),
    };
}
