using System.Text;
using System.Text.Json;
using HostAgent.Cluster;

namespace HostAgent.Tests.Cluster;

internal sealed class JsonPiecesTests
{
    private const string List = """
        {"kind":"PodList","items":[{"metadata":{"name":"a\"}{"},"items":[{"x":[1,2,{"y":null}]}]}, {"b":{}} ,{}],
         "metadata":{"resourceVersion":"7","continue":"x"},"other":{"items":[{"no":1}],"metadata":{"no":2}}}
        """;

    private const string Watch = """
        {"type":"ADDED","object":{"metadata":{"name":"é\\\"}"}}}
        {"type":"BOOKMARK","object":{}}{"type":"DELETED","object":{"items":[{"a":1}]}}

        """;

    [TestCase(1)]
    [TestCase(2)]
    [TestCase(3)]
    [TestCase(7)]
    [TestCase(100_000)]
    public async Task A_list_is_cut_into_its_items_and_its_metadata(int chunk)
    {
        List<string> pieces = await CutAsync(Encoding.UTF8.GetBytes(List), chunk, ofList: true);
        Assert.That(pieces, Is.EqualTo(new[]
        {
            "Item {\"metadata\":{\"name\":\"a\\\"}{\"},\"items\":[{\"x\":[1,2,{\"y\":null}]}]}", "Item {\"b\":{}}", "Item {}",
            "Metadata {\"resourceVersion\":\"7\",\"continue\":\"x\"}",
        }));
    }

    [TestCase(1)]
    [TestCase(5)]
    [TestCase(100_000)]
    public async Task A_watch_is_cut_into_its_values(int chunk)
    {
        List<string> pieces = await CutAsync(Encoding.UTF8.GetBytes(Watch), chunk, ofList: false);
        Assert.That(pieces, Is.EqualTo(new[]
        {
            "Value {\"type\":\"ADDED\",\"object\":{\"metadata\":{\"name\":\"é\\\\\\\"}\"}}}", "Value {\"type\":\"BOOKMARK\",\"object\":{}}",
            "Value {\"type\":\"DELETED\",\"object\":{\"items\":[{\"a\":1}]}}",
        }));
    }

    [Test]
    public void Every_prefix_of_a_value_is_known_to_be_cut_off()
    {
        byte[] whole = Encoding.UTF8.GetBytes(Watch.Split('\n')[0]);
        for (int length = 1; length < whole.Length; length++)
            Assert.That(async () => await CutAsync(whole[..length], 9, ofList: false),
                Throws.TypeOf<EndOfStreamException>(), $"{length} bytes");
    }

    [TestCase("x")]
    [TestCase("{\"a\":1}}")]
    [TestCase("[1]")]
    [TestCase("7 ")]
    [TestCase("{\"a\":1}\n<html>")]
    public void What_is_no_object_is_refused(string text) =>
        Assert.That(async () => await CutAsync(Encoding.UTF8.GetBytes(text), 3, ofList: false), Throws.InstanceOf<JsonException>());

    [Test]
    public async Task Large_objects_between_small_ones_are_whole()
    {
        var random = new Random(1);
        string[] values = [.. Enumerable.Range(0, 60)
            .Select(i => $"{{\"i\":{i},\"v\":\"{new string('x', i % 7 == 0 ? random.Next(2_000_000) : random.Next(3_000))}\"}}")];
        List<string> pieces = await CutAsync(Encoding.UTF8.GetBytes(string.Join('\n', values)), 40_000, ofList: false);
        Assert.That(pieces.Select(p => p["Value ".Length..]), Is.EqualTo(values));
    }

    [Test]
    public void An_object_without_end_is_refused_before_it_fills_the_memory() =>
        Assert.That(async () => await CutAsync([.. "{\"a\":["u8, .. Enumerable.Repeat((byte)' ', 40_000_000)], 1 << 20, ofList: false),
            Throws.TypeOf<InvalidDataException>());

    private static async Task<List<string>> CutAsync(byte[] text, int chunk, bool ofList)
    {
        using var pieces = new JsonPieces(new Chunks(text, chunk), ofList);
        var found = new List<string>();
        while (await pieces.NextAsync(default)) found.Add($"{pieces.Kind} {Encoding.UTF8.GetString(pieces.Current.Span)}");
        return found;
    }

    private sealed class Chunks(byte[] text, int size) : MemoryStream(text)
    {
        public override ValueTask<int> ReadAsync(Memory<byte> buffer, CancellationToken cancellationToken = default) =>
            base.ReadAsync(buffer[..Math.Min(size, buffer.Length)], cancellationToken);
    }
}
