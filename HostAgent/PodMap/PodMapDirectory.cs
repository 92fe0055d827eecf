namespace HostAgent.PodMap;

/// <summary>The directory that sensors mount: the map in three formats, and its history.</summary>
internal sealed class PodMapDirectory
{
    /// <summary>Where it is unless the policy says otherwise; what <c>whose</c> looks into.</summary>
    public const string Usual = "/run/host-agent/pods";

    private readonly (MapFile File, Func<IEnumerable<AddressOwner>, byte[]> Format)[] _files;

    public PodMapDirectory(string path)
    {
        Path = path;
        History = new AddressHistory(path);
        _files =
        [
            (Of("pods.tsv"), ZeekTable.Of),
            (Of("pods.json"), PodMapJson.Of),
            (Of("arkime.tagger"), ArkimeTagger.Of),
        ];

        MapFile Of(string name) => new(System.IO.Path.Combine(path, name));
    }

    public string Path { get; }

    public AddressHistory History { get; }

    /// <summary>Whether nobody has taken a file of the map away.</summary>
    public bool IsThere => Array.TrueForAll(_files, file => file.File.IsThere);

    /// <summary>Writes what has changed.</summary>
    /// <param name="changes">What began and ended since the last time.</param>
    /// <param name="owners">All of them, in a fixed order.</param>
    /// <exception cref="IOException">A file cannot be written. Every file is whole all the same.</exception>
    /// <exception cref="UnauthorizedAccessException">The same.</exception>
    public void Write(IReadOnlyCollection<AddressOwner> changes, IReadOnlyCollection<AddressOwner> owners)
    {
        Directory.CreateDirectory(Path);
        History.Append(changes, owners);
        foreach ((MapFile file, Func<IEnumerable<AddressOwner>, byte[]> format) in _files) file.Write(format(owners));
    }
}
