namespace HostAgent.Observability;

/// <summary>A pod's counters in /metrics.</summary>
/// <param name="Frames">hostagent_pod_frames_total.</param>
/// <param name="Bytes">hostagent_pod_bytes_total.</param>
/// <param name="Lost">hostagent_pod_frames_lost_total.</param>
internal readonly record struct PodCounts(long Frames, long Bytes, long Lost);
