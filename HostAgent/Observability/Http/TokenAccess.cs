using System.Net;
using System.Security.Cryptography;
using System.Text;
using HostAgent.Accounts;
using HostAgent.Cluster;
using Microsoft.Extensions.Logging;

namespace HostAgent.Observability;

/// <summary>
/// The API server's verdicts on tokens, remembered for a bounded time, in bounded number, and by the tokens' hash. Who has no verdict is
/// not served. Strangers cannot make the agent flood the server: it is asked about two of their tokens at a time, about eight of one
/// address in ten seconds, and about 256 of all. Tokens that were known have a way of their own, so that strangers keep no scraper away.
/// </summary>
internal sealed class TokenAccess(AccessReviews reviews, ILogger logger, TimeProvider? clock = null) : IDisposable
{
    internal const int MostKnown = 128;
    internal const int MostRefused = 256;
    internal const int MostRefusedOfOne = 8;

    /// <summary>A token that is revoked, and a right that is given or taken, counts after so long at the latest.</summary>
    internal static readonly TimeSpan Remembered = TimeSpan.FromMinutes(1);

    internal static readonly TimeSpan RefusalRemembered = TimeSpan.FromSeconds(10);

    private static readonly TimeSpan Patience = TimeSpan.FromSeconds(2);
    private static readonly TimeSpan ProblemKept = TimeSpan.FromMinutes(5);

    private readonly TimeProvider _clock = clock ?? TimeProvider.System;
    private readonly Damper _damper = new(1, clock ?? TimeProvider.System);
    private readonly Lock _gate = new();
    private readonly Dictionary<string, KnownToken> _known = new(StringComparer.Ordinal);
    private readonly Queue<RefusedToken> _refused = new();
    private readonly SemaphoreSlim _strangers = new(2);
    private readonly SemaphoreSlim _acquainted = new(2);
    private (string Text, long At)? _problem;

    /// <summary>Why nobody was admitted when somebody last asked, in words for an operator; null when all is well.</summary>
    public string? Problem
    {
        get
        {
            lock (_gate) return _problem is { } problem && _clock.GetElapsedTime(problem.At) < ProblemKept ? problem.Text : null;
        }
    }

    /// <returns>Null for a token that the API server does not accept.</returns>
    /// <exception cref="ApiCallException">There is no verdict.</exception>
    /// <exception cref="TooManyTokensException">It is not asked for one.</exception>
    public async Task<KnownToken?> RecognizeAsync(string token, IPAddress peer, CancellationToken cancellation)
    {
        string hash = Convert.ToHexString(SHA256.HashData(Encoding.UTF8.GetBytes(token)));
        SemaphoreSlim lane = _acquainted;
        lock (_gate)
        {
            if (!_known.TryGetValue(hash, out KnownToken? known))
            {
                if (IsRefused(hash, peer)) return null;
                lane = _strangers;
            }
            else if (_clock.GetElapsedTime(known.Asked) < Remembered)
            {
                return known;
            }
        }

        TokenOwner? owner = await InTurnAsync(lane, () => reviews.OwnerAsync(token, cancellation), cancellation).ConfigureAwait(false);
        lock (_gate) return owner is null ? Refuse(hash, peer) : Accept(hash, owner);
    }

    /// <exception cref="ApiCallException">There is no verdict.</exception>
    public async Task<bool> MayGetAsync(KnownToken token, string path, CancellationToken cancellation)
    {
        if (token.Permits.TryGetValue(path, out bool may)) return may;
        may = await InTurnAsync(_acquainted, () => reviews.MayGetAsync(token.Owner, path, cancellation), cancellation)
            .ConfigureAwait(false);
        return token.Permits[path] = may;
    }

    public void Dispose()
    {
        _strangers.Dispose();
        _acquainted.Dispose();
    }

    private bool IsRefused(string hash, IPAddress peer)
    {
        while (_refused.TryPeek(out RefusedToken oldest) && _clock.GetElapsedTime(oldest.Asked) >= RefusalRemembered) _refused.Dequeue();
        if (_refused.Any(refused => refused.Hash == hash)) return true;
        if (_refused.Count >= MostRefused || _refused.Count(refused => refused.Peer.Equals(peer)) >= MostRefusedOfOne)
            throw new TooManyTokensException();
        return false;
    }

    private KnownToken? Refuse(string hash, IPAddress peer)
    {
        _known.Remove(hash);
        _refused.Enqueue(new RefusedToken(hash, peer, _clock.GetTimestamp()));
        return null;
    }

    private KnownToken Accept(string hash, TokenOwner owner)
    {
        if (_known.Count >= MostKnown && !_known.ContainsKey(hash)) _known.Remove(_known.MinBy(known => known.Value.Asked).Key);
        return _known[hash] = new KnownToken(owner, _clock.GetTimestamp());
    }

    private async Task<T> InTurnAsync<T>(SemaphoreSlim lane, Func<Task<T>> ask, CancellationToken cancellation)
    {
        if (!await lane.WaitAsync(Patience, cancellation).ConfigureAwait(false))
            throw new ApiCallException("too many ask at once, or the API server is slow to say who may look");
        try
        {
            T answer = await ask().ConfigureAwait(false);
            lock (_gate) _problem = null;
            return answer;
        }
        catch (ApiCallException e)
        {
            Tell(e.Message);
            throw;
        }
        finally
        {
            lane.Release();
        }
    }

    private void Tell(string problem)
    {
        lock (_gate)
        {
            _problem = ($"nobody beyond this host is admitted to the metrics: {problem}", _clock.GetTimestamp());
            _damper.Happened();
            if (_damper.Due() is > 0 and int times)
                logger.LogWarning("Nobody beyond this host is admitted to the metrics ({Times} times): {Problem}", times, problem);
        }
    }
}
