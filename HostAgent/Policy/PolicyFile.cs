using System.Collections.Immutable;
using System.Security.Cryptography;
using HostAgent.Accounts;
using Microsoft.Extensions.Logging;

namespace HostAgent.Policy;

/// <summary>
/// The policy in force: read once at start, then again whenever the file changes. A file that is bad or gone changes nothing but
/// <see cref="LastReloadSuccessful"/> and <see cref="Errors"/>, and is logged once.
/// </summary>
public sealed class PolicyFile : IWarns, IDisposable
{
    private readonly string _path;
    private readonly ILogger _logger;
    private byte[] _seen = [];
    private volatile MirrorPolicy _current;
    private volatile Outcome _outcome;
    private FileWatch? _watch;

    /// <exception cref="PolicyException">The file cannot be read, or is no good policy.</exception>
    public PolicyFile(string path, ILogger<PolicyFile> logger)
    {
        _path = path;
        _logger = logger;
        (PolicyResult result, _seen) = Load();
        _current = result.Policy ?? throw new PolicyException(_path, result.Errors);
        _outcome = new Outcome([]);
    }

    /// <summary><see cref="Current"/> is another policy now. Raised on the task that watches the file.</summary>
    public event Action? Changed;

    public MirrorPolicy Current => _current;

    /// <summary>Whether the file as it was last read is the policy in force.</summary>
    public bool LastReloadSuccessful => _outcome.Errors.IsEmpty;

    /// <summary>What is wrong with the file as it was last read.</summary>
    public ImmutableArray<PolicyError> Errors => _outcome.Errors;

    /// <summary>Why the file is not the policy in force, as a sentence for an operator; null when it is.</summary>
    public string? Problem => _outcome.Errors is { IsEmpty: false } errors
        ? $"the policy file has {errors.Length} error(s) and is not in force: {errors[0].In("policy")}"
        : null;

    public IEnumerable<string> Warnings() => Problem is { } problem ? [problem] : [];

    /// <summary>Starts to follow the file's changes.</summary>
    public void Watch(TimeSpan? poll = null) => _watch ??= new FileWatch(_path, Reload, _logger, poll);

    public void Dispose() => _watch?.Dispose();

    private (PolicyResult Result, byte[] Hash) Load()
    {
        try
        {
            byte[] content = BoundedFile.Read(_path, PolicyReader.LargestFile);
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
        if (hash.AsSpan().SequenceEqual(_seen)) return;
        _seen = hash;
        _outcome = new Outcome(result.Errors);
        if (result.Policy is null)
        {
            _logger.LogError("Policy {File} is not used, revision {Revision} stays in force:\n{Errors}", _path, _current.Revision,
                string.Join('\n', result.Errors.Select(e => e.In(_path))));
            return;
        }

        string before = _current.Revision;
        _current = result.Policy;
        if (before == _current.Revision)
        {
            _logger.LogInformation("Policy {File} is again what is in force, revision {Revision}", _path, before);
            return;
        }

        _logger.LogInformation("Policy {File} changed from revision {Before} to {Revision}: {Rules} rules",
            _path, before, _current.Revision, _current.Rules.Length);
        Changed?.Invoke();
    }

    /// <summary>An array behind a reference, so that it can be replaced atomically.</summary>
    private sealed record Outcome(ImmutableArray<PolicyError> Errors);
}
