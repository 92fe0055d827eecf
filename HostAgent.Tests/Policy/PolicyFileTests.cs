using HostAgent.Lab;
using HostAgent.Policy;
using Microsoft.Extensions.Logging;

namespace HostAgent.Tests.Policy;

[FixtureLifeCycle(LifeCycle.InstancePerTestCase)]
internal sealed class PolicyFileTests
{
    /// <summary>So long that a test which passes was told by inotify.</summary>
    private static readonly TimeSpan Never = TimeSpan.FromHours(1);

    private readonly LogLines<PolicyFile> _log = new();
    private TemporaryDirectory _directory = null!;

    [SetUp]
    public void SetUp() => _directory = new TemporaryDirectory();

    [TearDown]
    public void TearDown() => _directory.Dispose();

    [Test]
    public void A_bad_file_at_start_is_an_exception_with_every_error()
    {
        string path = _directory.Write("policy.yaml", "apiVersion: hostagent/v1\nkind: Policy\n");
        PolicyException e = Assert.Throws<PolicyException>(() => new PolicyFile(path, _log))!;
        Assert.That(e.Message.Split('\n'), Has.Length.EqualTo(e.Errors.Length).And.Length.EqualTo(3).And.All.StartsWith(path + ":"));
    }

    [Test]
    public void A_missing_file_at_start_is_named()
    {
        PolicyException e = Assert.Throws<PolicyException>(() => new PolicyFile(_directory.File("none.yaml"), _log))!;
        Assert.That(e.Message, Does.Contain("none.yaml").And.Contain("cannot be read"));
    }

    [Test]
    public void The_swap_of_a_ConfigMaps_data_link_is_followed()
    {
        string path = PublishConfigMap("..2026_01", PolicyText.With());
        using PolicyFile file = Open(path, Never, out Func<int> changes);
        string first = file.Current.Revision;
        PublishConfigMap("..2026_02", PolicyText.Complete);
        Directory.Delete(_directory.File("..2026_01"), recursive: true);
        Eventually.That(() => file.Current.Revision != first, "the new revision");
        PublishConfigMap("..2026_03", PolicyText.With());
        Eventually.That(() => file.Current.Revision == first && changes() >= 2, "the first content again, and word of it");
        Assert.That(changes(), Is.EqualTo(2));
    }

    [Test]
    public void An_edit_and_a_rename_are_followed()
    {
        string path = _directory.Write("policy.yaml", PolicyText.With());
        using PolicyFile file = Open(path, Never, out _);
        File.WriteAllText(path, PolicyText.Complete);
        Eventually.That(() => file.Current.Rules.Length == 2, "the edit");
        File.Move(_directory.Write("new", PolicyText.With(rule: "{name: renamed, namespaceSelector: {}}")), path, overwrite: true);
        Eventually.That(() => file.Current.Rules[0].Name == "renamed", "the rename");
    }

    [Test]
    public void What_inotify_cannot_see_is_found_by_the_poll()
    {
        using var elsewhere = new TemporaryDirectory();
        string target = elsewhere.Write("target.yaml", PolicyText.With());
        string path = _directory.File("policy.yaml");
        File.CreateSymbolicLink(path, target);
        using PolicyFile file = Open(path, TimeSpan.FromMilliseconds(50), out _);
        File.WriteAllText(target, PolicyText.Complete);
        Eventually.That(() => file.Current.Rules.Length == 2, "the poll");
    }

    [Test]
    public void A_bad_file_changes_nothing_and_is_logged_once()
    {
        string path = _directory.Write("policy.yaml", PolicyText.Complete);
        using PolicyFile file = Open(path, TimeSpan.FromMilliseconds(50), out Func<int> changes);
        MirrorPolicy good = file.Current;
        _directory.Write("policy.yaml", "kind: [");
        Eventually.That(() => !file.LastReloadSuccessful, "the failure");
        for (int i = 0; i < 3; i++) File.SetLastWriteTimeUtc(path, DateTime.UtcNow.AddSeconds(i));
        File.Delete(path);
        Eventually.That(
            () => file.Errors.Any(e => e.Message.Contains("cannot be read", StringComparison.Ordinal)) && _log.Count(LogLevel.Error) >= 2,
            "the file's absence");
        using (Assert.EnterMultipleScope())
        {
            Assert.That(file.Current, Is.SameAs(good));
            Assert.That(_log.Count(LogLevel.Error), Is.EqualTo(2), "one line for the bad content, one for none");
        }

        _directory.Write("policy.yaml", PolicyText.Complete);
        Eventually.That(() => file.LastReloadSuccessful, "the recovery");
        using (Assert.EnterMultipleScope())
        {
            Assert.That(file.Current.Revision, Is.EqualTo(good.Revision));
            Assert.That(changes(), Is.Zero, "the policy in force never changed");
        }
    }

    [Test]
    [CancelAfter(60_000)]
    public void A_pipe_in_the_files_place_is_bad_content_and_holds_nobody_up()
    {
        string path = _directory.Write("policy.yaml", PolicyText.With());
        using PolicyFile file = Open(path, TimeSpan.FromMilliseconds(50), out Func<int> changes);
        File.Delete(path);
        HostTool.Run("mkfifo", path);
        Eventually.That(() => file.Errors.Any(e => e.Message.Contains("a pipe (FIFO)", StringComparison.Ordinal)), "the pipe is named");
        _directory.Write("policy.yaml", PolicyText.Complete);
        Eventually.That(() => file.LastReloadSuccessful && file.Current.Rules.Length == 2 && changes() == 1, "the file after it");
        File.Delete(path);
        HostTool.Run("mkfifo", path);
        Eventually.That(() => !file.LastReloadSuccessful, "a pipe again");
        Assert.That(Task.Run(file.Dispose).Wait(TimeSpan.FromSeconds(10)), "the watch ends");
    }

    [Test]
    public void A_file_that_becomes_readable_is_found()
    {
        string path = _directory.Write("policy.yaml", PolicyText.With());
        int calls = 0;
        using var watch = new FileWatch(path, () => Interlocked.Increment(ref calls), _log, TimeSpan.FromMilliseconds(50));
        Eventually.That(() => Volatile.Read(ref calls) > 0, "the first look");
        Thread.Sleep(500);
        int before = Volatile.Read(ref calls);
        HostTool.Run("chmod", "400", path);
        Eventually.That(() => Volatile.Read(ref calls) > before, "the change of mode");
    }

    [Test]
    public void A_change_between_load_and_watch_is_found()
    {
        string path = _directory.Write("policy.yaml", PolicyText.With());
        using var file = new PolicyFile(path, _log);
        _directory.Write("policy.yaml", PolicyText.Complete);
        file.Watch(Never);
        Eventually.That(() => file.Current.Rules.Length == 2, "the change");
    }

    private PolicyFile Open(string path, TimeSpan poll, out Func<int> changes)
    {
        int count = 0;
        var file = new PolicyFile(path, _log);
        file.Changed += () => Interlocked.Increment(ref count);
        changes = () => Volatile.Read(ref count);
        file.Watch(poll);
        return file;
    }

    /// <summary>As the kubelet's atomic writer does it: a new directory, a link beside, the link renamed over ..data.</summary>
    private string PublishConfigMap(string version, string content)
    {
        Directory.CreateDirectory(_directory.File(version));
        File.WriteAllText(Path.Combine(_directory.File(version), "policy.yaml"), content);
        File.CreateSymbolicLink(_directory.File("..data_tmp"), version);
        HostTool.Run("mv", "-T", _directory.File("..data_tmp"), _directory.File("..data"));
        string path = _directory.File("policy.yaml");
        if (!File.Exists(path)) File.CreateSymbolicLink(path, "..data/policy.yaml");
        return path;
    }
}
