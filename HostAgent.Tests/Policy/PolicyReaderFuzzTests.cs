using System.Text;
using HostAgent.Policy;

namespace HostAgent.Tests.Policy;

internal sealed class PolicyReaderFuzzTests
{
    [TestCase(1)]
    [TestCase(2)]
    public void A_damaged_policy_is_a_policy_or_errors_but_never_an_exception(int seed)
    {
        var random = new Random(seed);
        byte[] good = Encoding.UTF8.GetBytes($"{PolicyText.Complete}\ndefaults: {{filter: tcp port 443 or udp, always: icmp}}\n");
        int refused = 0;
        for (int i = 0; i < 5_000; i++)
        {
            byte[] damaged = Mutation.Of(good, random, "[]{}:,-?&*!|>'\"%@`#~ \n\t\0\\"u8);
            PolicyResult result = PolicyReader.Read(damaged);
            Assert.That(result.Policy is null, Is.EqualTo(result.Errors.Length > 0), () => Encoding.UTF8.GetString(damaged));
            foreach (PolicyError error in result.Errors) Assert.That(error.In("f"), Does.Not.Contain("\n"));
            if (result.Policy is null) refused++;
        }

        Assert.That(refused, Is.InRange(2_000, 4_999), "the damage is neither harmless nor total");
    }
}
