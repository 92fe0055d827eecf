using HostAgent.Commands;

namespace HostAgent.Tap;

/// <summary>Where a tap writes and prints.</summary>
internal sealed class TapOutputs : IDisposable
{
    private readonly List<TapOutput> _outputs = [];
    private readonly List<ITapSink> _sinks = [];

    /// <exception cref="IOException">The file cannot be made; UnauthorizedAccessException likewise.</exception>
    public TapOutputs(TapOptions options)
    {
        if (options.Print) _sinks.Add(new PrintSink(Add(TapOutput.Stdout())));
        if (options.Write is { } path)
            _sinks.Add(new PcapngSink(Add(path == TapOptions.Stdout ? TapOutput.Stdout() : TapOutput.Create(path))));
    }

    public IReadOnlyList<ITapSink> Sinks => _sinks;

    /// <summary>For how long one of them has been waiting for its reader.</summary>
    public TimeSpan Stalled => _outputs.Max(output => output.Stalled);

    /// <summary>Whether a reader has gone.</summary>
    public bool AreAbandoned() => _outputs.Exists(output => output.IsAbandoned());

    public void Dispose()
    {
        foreach (IDisposable sink in _sinks.OfType<IDisposable>()) sink.Dispose();
        _outputs.ForEach(output => output.Dispose());
    }

    private TapOutput Add(TapOutput output)
    {
        _outputs.Add(output);
        return output;
    }
}
