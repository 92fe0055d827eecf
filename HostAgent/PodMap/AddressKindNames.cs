namespace HostAgent.PodMap;

/// <summary>The spellings of <see cref="AddressKind"/> in files; stable, since sensors read them.</summary>
public static class AddressKindNames
{
    public static string Name(this AddressKind kind) => kind == AddressKind.Pod ? "pod" : "service";
}
