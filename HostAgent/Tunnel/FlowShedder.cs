namespace HostAgent.Tunnel;

/// <summary>
/// What is given up when frames come faster than they can be sent: whole flows, chosen by their hash, more of them the longer it lasts. A
/// sensor can work with fewer flows; of a flow with holes it makes nothing. Without it the ring would overflow and take frames out of every
/// flow at random. Checksums are not given up first, since a sensor drops a frame with a wrong one, silently and off the ledger, and they cost little.
/// </summary>
internal sealed class FlowShedder
{
    /// <summary>Of so many equal parts of all flows, some are shed.</summary>
    public const int Parts = 64;

    private const double Behind = 0.5;
    private const double CaughtUp = 0.125;
    private const long StepMilliseconds = 20;
    private const long RecoveryMilliseconds = 250;

    private long _lastChange;
    private int _shed;

    /// <summary>How many of <see cref="Parts"/> are being shed. Any thread may read it.</summary>
    public int Shed => Volatile.Read(ref _shed);

    /// <summary>Called for every block.</summary>
    /// <param name="backlog">The part of the ring that waits to be read, 0 to 1.</param>
    /// <param name="now">Milliseconds of a clock that never goes back.</param>
    public void Observe(double backlog, long now)
    {
        // Quickly down and slowly up again, so that it does not swing.
        if (backlog >= Behind && _shed < Parts && now - _lastChange >= StepMilliseconds) Change(Math.Max(1, _shed / 4), now);
        else if (backlog <= CaughtUp && _shed > 0 && now - _lastChange >= RecoveryMilliseconds) Change(-1, now);
    }

    /// <summary>The same for both directions of a flow, and for the same flow every time.</summary>
    public bool Sheds(uint flowHash) => flowHash % Parts < (uint)_shed;

    private void Change(int by, long now)
    {
        Volatile.Write(ref _shed, Math.Min(Parts, _shed + by));
        _lastChange = now;
    }
}
