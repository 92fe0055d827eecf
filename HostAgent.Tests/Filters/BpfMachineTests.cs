using HostAgent.Capture;
using HostAgent.Filters;
using HostAgent.Lab;
using HostAgent.Tests.Tunnel;
using static HostAgent.Interop.LinuxFilter;

namespace HostAgent.Tests.Filters;

/// <summary>The interpreter beside the kernel's.</summary>
[Parallelizable]
internal sealed unsafe class BpfMachineTests
{
    private static readonly ushort[] Straight =
    [
        BPF_LD_W_ABS, BPF_LD_H_ABS, BPF_LD_B_ABS, BPF_LD_W_IND, BPF_LD_H_IND, BPF_LD_B_IND, BPF_LD_W_LEN, BPF_LD_IMM, BPF_LD_MEM,
        BPF_LDX_IMM, BPF_LDX_MEM, BPF_LDX_W_LEN, BPF_LDX_B_MSH, BPF_ST, BPF_STX, BPF_TAX, BPF_TXA,
        BPF_ADD_K, BPF_ADD_X, BPF_SUB_K, BPF_SUB_X, BPF_MUL_K, BPF_MUL_X, BPF_DIV_K, BPF_DIV_X, BPF_MOD_K, BPF_MOD_X,
        BPF_OR_K, BPF_OR_X, BPF_AND_K, BPF_AND_X, BPF_XOR_K, BPF_XOR_X, BPF_LSH_K, BPF_LSH_X, BPF_RSH_K, BPF_RSH_X, BPF_NEG,
    ];

    private static readonly ushort[] Jumps =
        [BPF_JMP_JEQ_K, BPF_JMP_JGT_K, BPF_JMP_JGE_K, BPF_JMP_JSET_K, BPF_JMP_JEQ_X, BPF_JMP_JGT_X, BPF_JMP_JGE_X, BPF_JMP_JSET_X];

    [Test]
    public void Answers_as_the_kernel_does_whatever_the_program_and_the_frame()
    {
        var random = new Random(14);
        var answers = new HashSet<int>();
        for (int round = 0; round < 3000; round++)
        {
            sock_filter[] program = Make(random);
            Assert.That(BpfMachine.IsSound(program), $"round {round}");
            using var kernel = new KernelFilter(program);
            for (int n = 0; n < 5; n++)
            {
                byte[] frame = new byte[random.Next(1, 200)];
                random.NextBytes(frame);
                int accepted = kernel.Accepted(frame);
                answers.Add(accepted);
                Assert.That(Math.Min(Run(program, frame), (uint)frame.Length), Is.EqualTo((uint)accepted),
                    $"round {round}: {string.Join(' ', program)}\n{Convert.ToHexString(frame)}");
            }
        }

        Assert.That(answers, Has.Count.GreaterThan(50), "programs that tell something");
    }

    [Test]
    public void Takes_no_program_that_the_kernel_does_not_take()
    {
        var random = new Random(7);
        int refused = 0;
        for (int round = 0; round < 3000; round++)
        {
            sock_filter[] program = Make(random);
            int at = random.Next(16, program.Length);
            sock_filter old = program[at];
            program[at] = new((ushort)(random.Next(3) == 0 ? random.Next(256) : old.code), (byte)random.Next(256), (byte)random.Next(256),
                random.Next(2) == 0 ? old.k : (uint)random.Next(60));
            if (!BpfMachine.IsSound(program))
            {
                refused++;
                continue;
            }

            Assert.That(() => new KernelFilter(program).Dispose(), Throws.Nothing, $"round {round}: {string.Join(' ', program)}");
        }

        Assert.That(refused, Is.InRange(500, 2900));
    }

    [Test]
    public void A_frame_costs_no_memory()
    {
        FrameFilter filter = FrameFilter.Compile("tcp port 80 or udp[8:4] = 7 or vlan 5");
        byte[] frame = CraftedFrame.Tcp("", new("10.56.0.1"), 100, 0).Bytes;
        fixed (byte* start = frame)
        {
            bool matches = filter.Matches(start, frame.Length);
            long before = GC.GetAllocatedBytesForCurrentThread();
            for (int i = 0; i < 10_000; i++) matches &= filter.Matches(start, frame.Length);
            Assert.That(GC.GetAllocatedBytesForCurrentThread() - before, Is.Zero);
            Assert.That(matches);
        }
    }

    /// <summary>A program that ends: jumps go forward, and its memory is written before it is read, as the kernel wants it.</summary>
    private static sock_filter[] Make(Random random)
    {
        var program = new List<sock_filter>();
        for (uint word = 0; word < MemoryWords; word++) program.Add(new(BPF_ST, 0, 0, word));
        int length = random.Next(2, 40);
        for (int left = length; left > 0; left--)
        {
            byte Far() => (byte)random.Next(left);
            ushort code = random.Next(5) switch
            {
                0 => Jumps[random.Next(Jumps.Length)],
                1 when random.Next(4) == 0 => BPF_JMP_JA,
                _ => Straight[random.Next(Straight.Length)],
            };
            uint k = code switch
            {
                BPF_LD_MEM or BPF_LDX_MEM or BPF_ST or BPF_STX => (uint)random.Next(MemoryWords),
                BPF_LSH_K or BPF_RSH_K => (uint)random.Next(32),
                BPF_DIV_K or BPF_MOD_K => (uint)random.Next(1, 300),
                BPF_JMP_JA => Far(),
                _ => random.Next(6) == 0 ? (uint)random.Next() : (uint)random.Next(120),
            };
            program.Add(Jumps.Contains(code) ? new(code, Far(), Far(), k) : new(code, 0, 0, k));
        }

        program.Add(random.Next(3) > 0 ? new(BPF_RET_A, 0, 0, 0) : new(BPF_RET_K, 0, 0, (uint)random.Next(300)));
        return [.. program];
    }

    private static uint Run(sock_filter[] program, byte[] frame)
    {
        fixed (byte* start = frame) return BpfMachine.Run(program, start, frame.Length);
    }
}
