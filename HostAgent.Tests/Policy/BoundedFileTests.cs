using System.Net.Sockets;
using HostAgent.Lab;
using HostAgent.Policy;

namespace HostAgent.Tests.Policy;

[FixtureLifeCycle(LifeCycle.InstancePerTestCase)]
internal sealed class BoundedFileTests
{
    private TemporaryDirectory _directory = null!;

    [SetUp]
    public void SetUp() => _directory = new TemporaryDirectory();

    [TearDown]
    public void TearDown() => _directory.Dispose();

    [Test]
    public void A_link_to_a_file_is_followed_and_no_more_is_read_than_is_wanted()
    {
        string path = _directory.File("link");
        File.CreateSymbolicLink(path, _directory.Write("file", "0123456789"));
        Assert.That(BoundedFile.Read(path, 100), Is.EqualTo("0123456789"u8.ToArray()));
        Assert.That(BoundedFile.Read(path, 4), Has.Length.GreaterThan(4));
    }

    [Test]
    [CancelAfter(20_000)]
    public void What_is_no_regular_file_is_named_and_not_opened()
    {
        HostTool.Run("mkfifo", _directory.File("pipe"));
        File.CreateSymbolicLink(_directory.File("link"), _directory.File("pipe"));
        using var socket = new Socket(AddressFamily.Unix, SocketType.Stream, ProtocolType.Unspecified);
        socket.Bind(new UnixDomainSocketEndPoint(_directory.File("socket")));
        using (Assert.EnterMultipleScope())
        {
            Assert.That(Reading(_directory.File("pipe")), Throws.InstanceOf<IOException>().With.Message.Contains("a pipe (FIFO)"));
            Assert.That(Reading(_directory.File("link")), Throws.InstanceOf<IOException>().With.Message.Contains("a pipe (FIFO)"));
            Assert.That(Reading(_directory.File("socket")), Throws.InstanceOf<IOException>().With.Message.Contains("a socket"));
            Assert.That(Reading(_directory.Path), Throws.InstanceOf<IOException>().With.Message.Contains("a directory"));
            Assert.That(Reading("/dev/zero"), Throws.InstanceOf<IOException>().With.Message.Contains("a character device"));
        }
    }

    [Test]
    public void A_missing_file_is_missing() =>
        Assert.That(Reading(_directory.File("none")), Throws.InstanceOf<FileNotFoundException>().With.Message.Contains("none"));

    // A reader that hangs fails the test rather than the run.
    private static Action Reading(string path) => () =>
        Task.Run(() => BoundedFile.Read(path, 100)).WaitAsync(TimeSpan.FromSeconds(10)).GetAwaiter().GetResult();
}
