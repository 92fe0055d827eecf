using HostAgent.Accounts;
using Prometheus;

namespace HostAgent.Observability;

/// <summary>
/// The series of pods, which end with them: what a later pod of the same name counts begins a new one. While a pod and its successor (a
/// StatefulSet's) are there at the same time they are one series, which then goes on with the successor. So no counter goes back while its
/// pod is there.
/// </summary>
internal sealed class PodMetrics
{
    private readonly Counter _frames;
    private readonly Counter _bytes;
    private readonly Counter _lost;
    private readonly Gauge _rejected;
    private readonly Dictionary<(string Namespace, string Pod), Series> _series = [];
    private Dictionary<(string Namespace, string Pod, string Uid), PodTraffic> _before = [];
    private Dictionary<(string Namespace, string Pod, string Uid), PodTraffic> _now = [];

    public PodMetrics(MetricFactory factory)
    {
        string[] labels = ["namespace", "pod"];
        _frames = factory.CreateCounter("hostagent_pod_frames_total",
            "Frames captured on the pod's links since it came into scope.", labels);
        _bytes = factory.CreateCounter("hostagent_pod_bytes_total",
            "Bytes of the frames captured on the pod's links since it came into scope.", labels);
        _lost = factory.CreateCounter("hostagent_pod_frames_lost_total",
            "Frames captured on the pod's links that did not reach the sensor; "
            + "without those lost in the ring, which are not known per pod.",
            labels);
        _rejected = factory.CreateGauge("hostagent_pod_frames_rejected_estimate",
            "About how many frames the filter of the pod's rule kept out in the kernel: what the pod's links carried, "
            + "less the frames captured. Not among the frames seen. Only for pods with such a filter.",
            labels);
    }

    /// <summary>Shows <paramref name="pods"/>, each once, and no other. Not safe beside another call.</summary>
    public void Update(IReadOnlyCollection<PodTraffic> pods)
    {
        foreach (Series series in _series.Values) series.GoesOn = false;
        foreach (PodTraffic pod in pods)
        {
            if (_before.ContainsKey((pod.Namespace, pod.Pod, pod.Uid))) _series[(pod.Namespace, pod.Pod)].GoesOn = true;
        }

        foreach (((string Namespace, string Pod) name, Series series) in _series)
        {
            if (series.GoesOn) continue;
            series.Remove();
            _rejected.RemoveLabelled(name.Namespace, name.Pod);
            _series.Remove(name);
        }

        foreach (PodTraffic pod in pods)
        {
            (string Namespace, string Pod) name = (pod.Namespace, pod.Pod);
            if (!_series.TryGetValue(name, out Series? series))
            {
                string[] labels = [pod.Namespace, pod.Pod];
                _series.Add(name, series = new Series(_frames.WithLabels(labels), _bytes.WithLabels(labels), _lost.WithLabels(labels)));
            }

            if (pod.RejectedEstimate is { } rejected) _rejected.WithLabels(pod.Namespace, pod.Pod).Set(rejected);
            else _rejected.RemoveLabelled(pod.Namespace, pod.Pod);
            series.Add(_before.GetValueOrDefault((pod.Namespace, pod.Pod, pod.Uid)), pod);
            _now.Add((pod.Namespace, pod.Pod, pod.Uid), pod);
        }

        (_before, _now) = (_now, _before);
        _now.Clear();
    }

    private sealed class Series(Counter.Child frames, Counter.Child bytes, Counter.Child lost)
    {
        public bool GoesOn { get; set; }

        public void Add(PodTraffic before, PodTraffic now)
        {
            // A pod that left the scope and came back since the last page is counted from 0 again.
            if (now.Frames < before.Frames) before = default;
            frames.IncTo(frames.Value + now.Frames - before.Frames);
            bytes.IncTo(bytes.Value + now.Bytes - before.Bytes);
            lost.IncTo(lost.Value + now.Lost - before.Lost);
        }

        public void Remove()
        {
            frames.Remove();
            bytes.Remove();
            lost.Remove();
        }
    }
}
