using System.Collections.Immutable;
using System.Security.Cryptography;
using Microsoft.Extensions.Logging;

namespace HostAgent.Configuration;

/// <summary>
/// The policy in force: read once at start, then again whenever the file changes. A file that is bad or gone changes nothing but
/// <see cref="LastReloadSuccessful"/> and <see cref="Errors"/>, and is logged once.
/// </summary>
public sealed class PolicyFile : IDisposable
{
    private readonly string path;
    private readonly ILogger logger;
    private byte[] seen = [];
    private volatile MirrorPolicy current;
    private volatile Outcome outcome;
    private FileWatch? watch;

    /// <exception cref="PolicyException">The file cannot be read, or is no good policy.</exception>
    public PolicyFile(string path, ILogger<PolicyFile> logger)
    {
        this.path = path;
        this.logger = logger;
        (PolicyResult result, seen) = Load();
        current = result.Policy ?? throw new PolicyException(path, result.Errors);
        outcome = new Outcome([]);
    }

    /// <summary><see cref="Current"/> is another policy now. Raised on the task that watches the file.</summary>
    public event Action? Changed;

    public MirrorPolicy Current => current;

    /// <summary>Whether the file as it was last read is the policy in force.</summary>
    public bool LastReloadSuccessful => outcome.Errors.IsEmpty;

    /// <summary>What is wrong with the file as it was last read.</summary>
    public ImmutableArray<PolicyError> Errors => outcome.Errors;

    /// <summary>Starts to follow the file's changes.</summary>
    public void Watch(TimeSpan? poll = null) => watch ??= new FileWatch(path, Reload, logger, poll);

    public void Dispose() => watch?.Dispose();

    private (PolicyResult Result, byte[] Hash) Load()
    {
        try
        {
            byte[] content = BoundedFile.Read(path, PolicyReader.LargestFile);
            return (PolicyReader.Read(content), SHA256.HashData(content));
        }
        catch (Exception e) when (e is IOException or UnauthorizedAccessException or NotSupportedException or ArgumentException)
        {
            return (new PolicyResult(null, [new PolicyError(1, "", $"cannot be read: {e.Message}")]), []);
        }
    }

    private void Reload()
    {
        (PolicyResult result, byte[] hash) = Load();
        if (hash.AsSpan().SequenceEqual(seen)) return;
        seen = hash;
        outcome = new Outcome(result.Errors);
        if (result.Policy is null)
        {
            logger.LogError("Policy {File} is not used, revision {Revision} stays in force:\n{Errors}", path, current.Revision,
                string.Join('\n', result.Errors.Select(e => e.In(path))));
            return;
        }

        string before = current.Revision;
        current = result.Policy;
        if (before == current.Revision)
        {
            logger.LogInformation("Policy {File} is again what is in force, revision {Revision}", path, before);
            return;
        }

        logger.LogInformation("Policy {File} changed from revision {Before} to {Revision}: {Rules} rules", path, before, current.Revision, current.Rules.Length);
        Changed?.Invoke();
    }

    /// <summary>An array behind a reference, so that it can be replaced atomically.</summary>
    private sealed record Outcome(ImmutableArray<PolicyError> Errors);
}
