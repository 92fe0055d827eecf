using System.Net;
using HostAgent.Bench.Traffic;
using HostAgent.Relay;
using HostAgent.Tunnel;
using Microsoft.Extensions.Logging.Abstractions;

namespace HostAgent.Bench.Sensors;

/// <summary>
/// A sensor that takes an encrypted stream by what <c>host-agent receive</c> has for it, on threads of its own, and counts the records
/// instead of writing them onto a link.
/// </summary>
internal sealed class EncryptedReceiver : IReceiver
{
    private static readonly TimeSpan Wait = TimeSpan.FromMilliseconds(100);

    private readonly CancellationTokenSource _end = new();
    private readonly Task _listening;
    private volatile TunnelCount _count;
    private bool _came;

    /// <param name="address">Of this process's namespace.</param>
    /// <param name="files">What is shown, and who is believed.</param>
    /// <param name="count">The first.</param>
    public EncryptedReceiver(IPAddress address, TlsFiles files, TunnelCount count)
    {
        _count = count;
        // Whom it refuses is told so, and says why: the agent's log has it.
        var listener = new AgentListener(files, new AccountBook(), _ => new Output(this), NullLogger.Instance);
        _listening = listener.RunAsync(new IPEndPoint(address, TunnelCount.Port), _end.Token);
    }

    public TunnelCount Count
    {
        get => _count;
        set => _count = value;
    }

    /// <summary>What it is too slow for stays with the agent.</summary>
    public long Dropped => 0;

    /// <summary>Waits while other threads receive. A batch is in the count before it is told of.</summary>
    public bool Receive()
    {
        // It ends by a failure only, which this throws.
        _listening.Wait(Wait);
        return Interlocked.Exchange(ref _came, false);
    }

    public void Dispose()
    {
        _end.Cancel();
        _listening.Wait();
        _end.Dispose();
    }

    private sealed unsafe class Output(EncryptedReceiver receiver) : IFrameOutput
    {
        private TunnelCount? _batch;

        public int Introduce(string name, string description) => 0;

        public void Write(int link, in ReceivedRecord record)
        {
            if (_batch is null)
            {
                _batch = receiver._count;
                _batch.Time = RealTime.Now;
            }

            _batch.TakeCarried(new ReadOnlySpan<byte>(record.Frame, record.FrameLength));
        }

        public void Flush()
        {
            if (_batch is null) return;
            _batch = null;
            Volatile.Write(ref receiver._came, true);
        }

        public void Dispose()
        {
        }
    }
}
