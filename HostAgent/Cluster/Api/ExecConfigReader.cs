using System.Buffers;
using System.Collections.Immutable;
using System.Text;
using System.Text.Json;
using HostAgent.Policy;

namespace HostAgent.Cluster;

/// <summary>Reads the exec section of a kubeconfig's user as client-go does, and finds the program, without running it.</summary>
/// <param name="file">The kubeconfig.</param>
/// <param name="exec">The section.</param>
internal sealed class ExecConfigReader(Kubeconfig file, JsonElement exec)
{
    private const string V1 = "client.authentication.k8s.io/v1";
    private const string V1Beta1 = "client.authentication.k8s.io/v1beta1";

    /// <summary>The extension of a cluster that is meant for its plugin.</summary>
    private const string Extension = "client.authentication.k8s.io/exec";

    private const int LongestHint = 300;
    private const UnixFileMode Executable = UnixFileMode.UserExecute | UnixFileMode.GroupExecute | UnixFileMode.OtherExecute;

    /// <param name="cluster">What KUBERNETES_EXEC_INFO tells, if it shall.</param>
    /// <exception cref="ApiCredentialsException">It cannot be run as it is.</exception>
    public ExecConfig Read(JsonElement cluster)
    {
        if (exec.ValueKind != JsonValueKind.Object) throw Invalid("is no mapping");
        string version = Kubeconfig.Text(exec, "apiVersion") ?? "";
        if (version is not (V1 or V1Beta1))
            throw Invalid($"has apiVersion {YamlPath.Quote(version)}; the agent runs plugins of {V1} and {V1Beta1}");
        CheckMode(version);
        return new ExecConfig
        {
            Place = file.FilePath,
            Command = Command(),
            Arguments = Arguments(),
            Environment = Variables(),
            ApiVersion = version,
            Info = Info(version, Flag("provideClusterInfo") ? cluster : default),
        };
    }

    private void CheckMode(string version)
    {
        switch (Kubeconfig.Text(exec, "interactiveMode"))
        {
            case "Never" or "IfAvailable":
            case null or "" when version == V1Beta1:
                return;
            case "Always":
                throw Invalid("has interactiveMode Always; nobody answers its questions here, take a plugin that asks none");
            case null or "":
                throw Invalid($"has no interactiveMode, which {V1} demands; give Never or IfAvailable");
            case { } other:
                throw Invalid($"has interactiveMode {YamlPath.Quote(other)}; give Never or IfAvailable");
        }
    }

    private string Command()
    {
        string command = Kubeconfig.Text(exec, "command") is { Length: > 0 } given ? given : throw Invalid("has no command");
        // As in client-go: with a slash it is a path, beside the kubeconfig if it is relative; without one it is looked for on PATH.
        bool isPath = command.Contains('/', StringComparison.Ordinal);
        string[] directories = (Environment.GetEnvironmentVariable("PATH") ?? "").Split(':');
        IEnumerable<string> places = isPath
            ? [Path.GetFullPath(file.Beside(command))]
            : directories.Where(Path.IsPathRooted).Select(directory => Path.Combine(directory, command));
        if (places.FirstOrDefault(IsExecutable) is { } found) return found;
        string hint = Kubeconfig.Text(exec, "installHint") is { Length: > 0 } text
            ? $"; its installHint: {YamlPath.Quote(text.Trim(), LongestHint)}"
            : "";
        string where = isPath ? "is no file that can be executed" : "is on no directory of PATH";
        throw Invalid($"needs {YamlPath.Quote(command, LongestHint)}, which {where}; install it{hint}");
    }

    private static bool IsExecutable(string path) =>
        !OperatingSystem.IsWindows() && File.Exists(path) && (File.GetUnixFileMode(path) & Executable) != 0;

    private ImmutableArray<string> Arguments()
    {
        if (!exec.TryGetProperty("args", out JsonElement args) || args.ValueKind == JsonValueKind.Null) return [];
        if (args.ValueKind != JsonValueKind.Array || args.EnumerateArray().Any(a => a.ValueKind != JsonValueKind.String))
            throw Invalid("has args that are no list of texts");
        return [.. args.EnumerateArray().Select(a => a.GetString()!)];
    }

    private ImmutableArray<KeyValuePair<string, string>> Variables()
    {
        if (!exec.TryGetProperty("env", out JsonElement env) || env.ValueKind == JsonValueKind.Null) return [];
        if (env.ValueKind != JsonValueKind.Array) throw Invalid("has an env that is no list of names and values");
        return [.. env.EnumerateArray().Select(Variable)];
    }

    private KeyValuePair<string, string> Variable(JsonElement entry)
    {
        if (Kubeconfig.Text(entry, "name") is not { Length: > 0 } name || name.Contains('=', StringComparison.Ordinal))
            throw Invalid("has an entry of env without a valid name");
        return new(name, Kubeconfig.Text(entry, "value") ?? "");
    }

    private bool Flag(string key) => exec.TryGetProperty(key, out JsonElement value) && value.ValueKind == JsonValueKind.True;

    private string Info(string version, JsonElement cluster)
    {
        var text = new ArrayBufferWriter<byte>();
        using (var json = new Utf8JsonWriter(text))
        {
            json.WriteStartObject();
            json.WriteString("kind", "ExecCredential");
            json.WriteString("apiVersion", version);
            json.WriteStartObject("spec");
            if (cluster.ValueKind == JsonValueKind.Object) WriteCluster(json, cluster);
            json.WriteBoolean("interactive", false);
            json.WriteEndObject();
            json.WriteEndObject();
        }

        return Encoding.UTF8.GetString(text.WrittenSpan);
    }

    private void WriteCluster(Utf8JsonWriter json, JsonElement cluster)
    {
        json.WriteStartObject("cluster");
        foreach (string key in (ReadOnlySpan<string>)["server", "tls-server-name", "proxy-url"])
        {
            if (Kubeconfig.Text(cluster, key) is { Length: > 0 } value) json.WriteString(key, value);
        }

        if (file.Pem(cluster, "certificate-authority") is { } authority)
            json.WriteBase64String("certificate-authority-data", Encoding.UTF8.GetBytes(authority()));
        if (cluster.TryGetProperty("extensions", out JsonElement extensions) && extensions.ValueKind == JsonValueKind.Array)
        {
            foreach (JsonElement entry in extensions.EnumerateArray().Where(e => Kubeconfig.Text(e, "name") == Extension))
            {
                if (!entry.TryGetProperty("extension", out JsonElement config)) continue;
                // Numbers have become text (YamlJson); what is text or a truth value is as it was.
                json.WritePropertyName("config");
                config.WriteTo(json);
                break;
            }
        }

        json.WriteEndObject();
    }

    private ApiCredentialsException Invalid(string why) => file.Invalid($"the user's credential plugin (exec) {why}");
}
