using HostAgent.E2E.Running;

namespace HostAgent.E2E.Acting;

/// <summary>
/// What happens on a node, beside web requests that never cease. Disposed of, there is no traffic and no pod of it, and the policy is as it
/// was.
/// </summary>
internal sealed class SoakActs : IDisposable
{
    public const int Count = 8;

    private readonly TestBed _bed;
    private readonly string _policy;
    private readonly IdlePods _pods;
    private readonly Command _traffic;

    public SoakActs(TestBed bed)
    {
        _bed = bed;
        _policy = bed.Deployment.Policy;
        _pods = new IdlePods(bed, "soak", 5);
        _traffic = SuitePods.Client.StartExec(
            "sh", "-c",
            $"rm -f /tmp/stop; until [ -e /tmp/stop ]; do curl -sf -m 2 -o /dev/null http://{SuitePods.Server.Ip}:8080/; done");
    }

    /// <summary>One of them; from 0 on.</summary>
    public void Do(int act)
    {
        switch (act)
        {
            case 3:
                SuitePods.Label(mirrored: false);
                Wait.For(TimeSpan.FromSeconds(Random.Shared.Next(3)));
                SuitePods.Label(mirrored: true);
                break;
            case 4:
                _bed.ReadySensor?.Delete("--wait=false", "--ignore-not-found");
                break;
            case 5:
                (int seconds, int flows) = (Random.Shared.Next(1, 5), Random.Shared.Next(1, 5));
                SuitePods.Client.TryExec("iperf3", "-c", SuitePods.Server.Ip, "-t", $"{seconds}", "-P", $"{flows}");
                break;
            case 6:
                _bed.Deployment.Policy = $"{_policy}\n# {Random.Shared.Next()}";
                break;
            case 7 when _bed.Scripts is not null && Random.Shared.Next(3) == 0:
                _bed.Components.Kill(Components.ApiServer);
                Wait.For(TimeSpan.FromSeconds(Random.Shared.Next(10)));
                _bed.Components.StartApiServer();
                break;
            case 7:
                break;
            default:
                _pods.Scale(Random.Shared.Next(16));
                break;
        }
    }

    public void Dispose()
    {
        SuitePods.Client.TryExec("touch", "/tmp/stop");
        _traffic.Wait(Interruption.Token);
        _traffic.Dispose();
        _bed.Deployment.Policy = _policy;
        _pods.Dispose();
    }
}
