using HostAgent.Capture;
using HostAgent.Filters;
using HostAgent.Interop;

namespace HostAgent.Tests.Capture;

public sealed class LinkFilterTests
{
    /// <summary>The kernel's interpreter, for the five instructions that the filter uses (Documentation/networking/filter.rst).</summary>
    private static (uint Result, int Steps) Run(LinuxFilter.sock_filter[] program, int ifindex)
    {
        uint accumulator = 0;
        int steps = 0;
        for (int pc = 0; ; pc++)
        {
            LinuxFilter.sock_filter i = program[pc];
            steps++;
            switch (i.code)
            {
                case 0x20: accumulator = (uint)ifindex; break;
                case 0x05: pc += (int)i.k; break;
                case 0x15: pc += accumulator == i.k ? i.jt : i.jf; break;
                case 0x35: pc += accumulator >= i.k ? i.jt : i.jf; break;
                case 0x06: return (i.k, steps);
                default: throw new InvalidOperationException($"instruction {i.code:x}");
            }
        }
    }

    [TestCase(1)]
    [TestCase(2)]
    [TestCase(3)]
    [TestCase(110)]
    [TestCase(800)]
    public void Accepts_exactly_the_links_given(int count)
    {
        var random = new Random(count);
        var links = new HashSet<int>();
        while (links.Count < count) links.Add(random.Next(1, 100_000));
        LinuxFilter.sock_filter[] program = LinkFilter.For([.. links.Select(link => new CapturedLink(link))])!;
        Assert.That(program, Has.Length.LessThanOrEqualTo(LinuxFilter.MaxInstructions));
        foreach (int link in links)
        {
            Assert.That(Run(program, link).Result, Is.Not.Zero, $"link {link}");
            foreach (int other in new[] { link - 1, link + 1 }.Where(o => !links.Contains(o)))
            {
                Assert.That(Run(program, other).Result, Is.Zero, $"link {other}");
            }
        }
    }

    [Test]
    public void A_frame_costs_a_logarithm_of_the_links()
    {
        LinuxFilter.sock_filter[] program = LinkFilter.For([.. Enumerable.Range(1, 256).Select(link => new CapturedLink(link))])!;
        Assert.That(Enumerable.Range(0, 300).Max(i => Run(program, i).Steps), Is.LessThanOrEqualTo(1 + (2 * 8) + 2));
    }

    [Test]
    public void Links_with_the_same_filter_share_its_instructions()
    {
        int Length(params string[] filters) => LinkFilter.For(
            [.. filters.Select((filter, i) => new CapturedLink(i + 1, FrameFilter.Compile(filter)))])!.Length;
        int shared = Length("udp port 53", "udp port 53", "udp port 53"), apart = Length("udp port 53", "udp port 53", "udp port 54");
        Assert.That(apart - shared, Is.EqualTo(FrameFilter.Compile("udp port 54").Program.Length + 4));
    }

    [Test]
    public void Too_many_links_give_no_program()
    {
        Assert.That(LinkFilter.For([.. Enumerable.Range(1, 2000).Select(link => new CapturedLink(link))]), Is.Null);
        Assert.That(LinkFilter.For([]), Is.EqualTo(LinkFilter.Nothing));
    }
}
