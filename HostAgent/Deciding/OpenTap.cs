using System.Threading.Channels;

namespace HostAgent.Deciding;

/// <summary>A tap that somebody has asked for, and what the rounds since then say to it.</summary>
internal sealed class OpenTap(TapRequest request)
{
    public const string Ending = "the agent ends, and nobody would see to it that the tap is still permitted";

    private readonly Channel<TapDecision> _decisions = Channel.CreateUnbounded<TapDecision>();
    private TapDecision? _last;
    private bool _granted;

    public TapRequest Request => request;

    /// <summary>What a round says. One thread at a time.</summary>
    public void Tell(TapDecision decision)
    {
        // A pod that restarts as another one, as a StatefulSet's does, is not there for a moment.
        if (_granted && decision is { Verdict: TapVerdict.Refused, Pod: null })
            decision = new TapDecision(TapVerdict.Waiting, $"pod {request} has gone; one of the same name is waited for");
        if (decision.IsLike(_last)) return;
        _granted |= decision.Verdict == TapVerdict.Granted;
        _last = decision;
        _decisions.Writer.TryWrite(decision);
    }

    /// <summary>The agent ends.</summary>
    public void End() => _decisions.Writer.TryWrite(new TapDecision(TapVerdict.Refused, Ending));

    /// <summary>The first answer that is not to wait, or a refusal when it takes too long.</summary>
    public async Task<TapDecision> FirstAsync(TimeSpan patience, CancellationToken cancellation)
    {
        using var limit = CancellationTokenSource.CreateLinkedTokenSource(cancellation);
        limit.CancelAfter(patience);
        string? reason = "pods and links are not known yet";
        try
        {
            while (true)
            {
                TapDecision decision = await NextAsync(limit.Token).ConfigureAwait(false);
                if (decision.Verdict != TapVerdict.Waiting) return decision;
                reason = decision.Reason;
            }
        }
        catch (OperationCanceledException) when (!cancellation.IsCancellationRequested)
        {
            return new TapDecision(TapVerdict.Refused, reason);
        }
    }

    /// <summary>The next answer that differs from the one before.</summary>
    public ValueTask<TapDecision> NextAsync(CancellationToken cancellation) => _decisions.Reader.ReadAsync(cancellation);
}
