namespace HostAgent.Policy;

/// <summary>Reads the policy's <c>podMap</c>.</summary>
internal static class PodMapReader
{
    private const int LargestMost = 10_000_000;

    private static readonly string[] Scopes = ["node", "cluster"];

    /// <returns>Null when there is none, or it is wrong.</returns>
    public static PodMapPolicy? Read(YamlNode? node, PolicyErrors errors)
    {
        if (node is null || YamlFields.Of(node, errors, "directory", "scope", "most") is not { } fields) return null;
        YamlNode? written = fields.Required("directory", "say where, such as /run/host-agent/pods, or remove podMap");
        string? directory = fields.Text(written);
        if (directory is not null && !directory.StartsWith('/'))
            errors.Add(written!, $"must be an absolute path, is {YamlPath.Quote(directory)}");
        string? scope = fields.Word(fields.Optional("scope"), Scopes);
        int most = fields.Number(fields.Optional("most"), 1, LargestMost) ?? PodMapPolicy.UsualMost;
        return directory is null ? null : new PodMapPolicy(directory, (PodMapScope)Math.Max(0, Array.IndexOf(Scopes, scope)), most);
    }
}
