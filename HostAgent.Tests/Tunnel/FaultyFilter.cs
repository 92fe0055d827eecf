using HostAgent.Accounts;
using HostAgent.Capture;
using HostAgent.Filters;

namespace HostAgent.Tests.Tunnel;

/// <summary>Captures whose kernel filter rejects, beside what it should, what nobody has told it to. One thread.</summary>
internal sealed class FaultyFilter(ICaptureFactory inner) : ICaptureFactory
{
    private readonly List<FaultyCapture> _opened = [];

    public IReadOnlyList<ICapture> Open(int shards)
    {
        _opened.AddRange(inner.Open(shards).Select(capture => new FaultyCapture(capture)));
        return [.. _opened];
    }

    /// <summary>From now on the kernel lets only this through; null for what it should.</summary>
    public void OnlyLet(string? expression)
    {
        foreach (FaultyCapture capture in _opened) capture.OnlyLet(expression is null ? null : FrameFilter.Compile(expression));
    }

    private sealed class FaultyCapture(ICapture inner) : ICapture
    {
        private CapturedLink[] _links = [];
        private FrameFilter? _fault;

        public double Backlog => inner.Backlog;

        public void OnlyLet(FrameFilter? fault)
        {
            _fault = fault;
            SetLinks(_links);
        }

        public bool SetLinks(ReadOnlySpan<CapturedLink> links)
        {
            _links = links.ToArray();
            return inner.SetLinks([.. _links.Select(link => _fault is null ? link : link with { Filter = _fault })]);
        }

        public void NeedHeadsOnly(ReadOnlySpan<LinkParts> flows) => inner.NeedHeadsOnly(flows);

        public FrameBlock? Next(int timeoutMilliseconds) => inner.Next(timeoutMilliseconds);

        public CaptureStatistics ReadStatistics() => inner.ReadStatistics();

        public void Dispose() => inner.Dispose();
    }
}
