namespace HostAgent.Governing;

/// <summary>How much of the mirrored traffic the governor leaves; each level takes what the one before took, and more.</summary>
public enum GovernorLevel
{
    /// <summary>What the rules say.</summary>
    Full,

    /// <summary>Of pods of low priority a sample.</summary>
    SampleLow,

    /// <summary>Of the flows in that sample the beginning.</summary>
    SliceLow,

    /// <summary>Of pods of normal priority a sample, too.</summary>
    SampleNormal,

    /// <summary>Of the flows in that sample the beginning.</summary>
    SliceNormal,

    /// <summary>Besides, flows are given up until the CPU budget is kept.</summary>
    Shed,
}
