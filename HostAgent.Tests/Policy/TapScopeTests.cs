using System.Text;
using HostAgent.Policy;

namespace HostAgent.Tests.Policy;

public sealed class TapScopeTests
{
    [TestCase("", TapScope.Scope)]
    [TestCase("tap: scope", TapScope.Scope)]
    [TestCase("tap: any", TapScope.Any)]
    public void Pods_in_scope_may_be_tapped_or_any(string text, TapScope scope) => Assert.That(Read(text).Policy!.Tap, Is.EqualTo(scope));

    [TestCase("tap: all", "tap: must be scope or any, is \"all\"")]
    [TestCase("tap: true", "tap: must be scope or any, is \"true\"")]
    [TestCase("tap:", "tap: must be scope or any")]
    [TestCase("tap: [any]", "tap: must be scope or any")]
    public void Anything_else_is_an_error(string text, string error) =>
        Assert.That(Read(text).Errors.Single().In("p"), Does.StartWith("p:8: " + error));

    private static PolicyResult Read(string line) => PolicyReader.Read(Encoding.UTF8.GetBytes(PolicyText.With(top: line)));
}
