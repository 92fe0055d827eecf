using System.Text;
using HostAgent.Policy;

namespace HostAgent.Tests.Policy;

public sealed class PodMapTests
{
    [TestCase("podMap: {directory: /run/host-agent/pods}", PodMapScope.Node, 400_000)]
    [TestCase("podMap: {directory: /run/host-agent/pods, scope: node}", PodMapScope.Node, 400_000)]
    [TestCase("podMap: {directory: /run/host-agent/pods, scope: cluster, most: 1000}", PodMapScope.Cluster, 1000)]
    public void It_says_where_and_whose(string text, PodMapScope scope, int most) =>
        Assert.That(Read(text).Policy?.PodMap, Is.EqualTo(new PodMapPolicy("/run/host-agent/pods", scope, most)));

    [TestCase("podMap: {}", "podMap.directory: is missing; say where, such as /run/host-agent/pods, or remove podMap")]
    [TestCase("podMap: /run", "podMap: must be a mapping with directory, scope, most")]
    [TestCase("podMap: {directory: pods}", "podMap.directory: must be an absolute path, is \"pods\"")]
    [TestCase("podMap: {directory: /run, scope: all}", "podMap.scope: must be node or cluster, is \"all\"")]
    [TestCase("podMap: {directory: /run, most: 0}", "podMap.most: must be a number from 1 to 10000000")]
    [TestCase("podMap: {directory: /run, scop: node}", "podMap.scop: unknown key; did you mean scope?")]
    public void What_is_wrong_is_an_error_with_its_line(string text, string error) =>
        Assert.That(Read(text).Errors.Select(e => e.In("p")), Has.One.StartsWith("p:8: " + error));

    [Test]
    public void Without_one_there_is_none() => Assert.That(Read("").Policy, Has.Property("PodMap").Null);

    private static PolicyResult Read(string line) => PolicyReader.Read(Encoding.UTF8.GetBytes(PolicyText.With(top: line)));
}
