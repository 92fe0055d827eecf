using System.Buffers.Binary;
using HostAgent.E2E.Acting;
using HostAgent.E2E.Running;

namespace HostAgent.E2E.Tests;

/// <summary>An analyst at a desk looks at one pod, by the plugin for kubectl.</summary>
internal sealed class TapTests : ClusterTests
{
    private const string Plugin = "deploy/kubectl/kubectl-hostagent_tap";

    private const int Refused = 3;

    [Test]
    public void Pod_tapped_through_kubectl()
    {
        string file = Path.Combine(Path.GetTempPath(), $"host-agent-e2e-{Environment.ProcessId}.pcapng");
        try
        {
            using Command tap = Command.Start(
                "sh", Plugin, $"{SuitePods.Client}", "--filter", "tcp port 8080", "--count", "10", "--duration", "120s", "--write", file);
            Wait.Until(120, () =>
            {
                if (!tap.HasExited) SuitePods.WebRequest();
                return tap.HasExited ? null : "the tap has not ended";
            });
            CommandResult result = tap.Wait(Interruption.Token);
            Assert.That(result.Succeeded, result.LastWords);
            Assert.That(result.Error, Does.Contain($"{SuitePods.Client}: 10 frames in "));
            // Section, interface, ten packets, statistics.
            Assert.That(BlockTypes(File.ReadAllBytes(file)), Is.EqualTo((uint[])[0x0A0D0D0A, 1, .. Enumerable.Repeat(6u, 10), 5]));
            Assert.That(AgentLog(), Does.Contain($"Tap began: pod {SuitePods.Client} ")
                .And.Contain("filter tcp port 8080, limits 10 frames, 120 s"));
        }
        finally
        {
            File.Delete(file);
        }
    }

    [Test]
    public void Pod_out_of_scope_not_tapped()
    {
        CommandResult result = Command.Try("sh", Plugin, $"{SuitePods.Rogue}", "--print", "--duration", "5s");
        Assert.That((result.Code, result.Output), Is.EqualTo((Refused, "")), result.LastWords);
        Assert.That(result.Error, Does.Contain($"{SuitePods.Rogue} is not tapped: policy "));
        Assert.That(AgentLog(), Does.Contain($"Tap refused: pod {SuitePods.Rogue},"));
    }

    private static string AgentLog() => Kubectl.Run("logs", "-n", Agent.Pod.Namespace, Agent.Pod.Name, "--tail=200");

    /// <summary>The types of a pcapng file's blocks, which have their length at both ends.</summary>
    private static List<uint> BlockTypes(ReadOnlySpan<byte> file)
    {
        var types = new List<uint>();
        while (!file.IsEmpty)
        {
            types.Add(BinaryPrimitives.ReadUInt32LittleEndian(file));
            int length = BinaryPrimitives.ReadInt32LittleEndian(file[4..]);
            Assert.That(BinaryPrimitives.ReadInt32LittleEndian(file[(length - 4)..]), Is.EqualTo(length), "the block is whole");
            file = file[length..];
        }

        return types;
    }
}
