using System.Collections.Immutable;
using System.Net;

namespace HostAgent.Policy;

/// <summary>Reads the policy's <c>sensor</c>.</summary>
internal static class SensorPolicyReader
{
    public static SensorPolicy? Read(YamlNode node, PolicyErrors errors)
    {
        YamlFields? read = YamlFields.Of(
            node, errors,
            "selector", "address", "namespaces", "port", "reads", "format", "encapsulation", "segments", "sourcePorts", "canary",
            "offHost");
        if (read is not { } fields) return null;
        YamlNode? selector = fields.Optional("selector");
        YamlNode? address = fields.Optional("address");
        if (selector is null && address is null) errors.Add(node, "give either selector (with namespaces) or address");
        if (selector is not null && address is not null) errors.Add(address, "give either selector or address, not both");
        var defaults = new SensorPolicy();
        SensorReads reads = Choice<SensorReads>(fields, "reads", SensorReadsNames.All);
        if (reads != SensorReads.Stream) RefuseStreamKeys(fields, errors);
        bool offHost = reads == SensorReads.Stream && fields.Optional("offHost") is not null;
        if (offHost) RefuseWithOffHost(fields, errors);
        (int first, int count) = ReadSourcePorts(fields.Optional("sourcePorts"), defaults, errors);
        return new SensorPolicy
        {
            Selector = LabelSelectorReader.Read(selector, errors),
            Namespaces = ReadNamespaces(fields, selector is not null, errors),
            Address = ReadAddress(address, fields, errors),
            Port = (ushort)(fields.Number(fields.Optional("port"), 1, ushort.MaxValue)
                ?? (reads == SensorReads.Stream ? SensorPolicy.StreamPort : defaults.Port)),
            Reads = reads,
            Format = offHost ? StreamFormat.Pcapng : Choice<StreamFormat>(fields, "format", StreamWords.Formats),
            Encapsulation = Choice<StreamEncapsulation>(fields, "encapsulation", StreamWords.Encapsulations),
            OffHost = OffHostReader.Read(fields.Optional("offHost"), errors),
            Segments = ReadSegments(fields.Optional("segments"), defaults, errors),
            Canary = fields.Flag(fields.Optional("canary")) ?? defaults.Canary,
            FirstSourcePort = (ushort)first,
            SourcePortCount = count,
        };
    }

    /// <summary>The value whose word is given; the first one when none is, or a wrong one.</summary>
    private static T Choice<T>(YamlFields fields, string key, string[] words)
        where T : struct, Enum =>
        Enum.GetValues<T>()[Math.Max(0, Array.IndexOf(words, fields.Word(fields.Optional(key), words)))];

    private static void RefuseStreamKeys(YamlFields fields, PolicyErrors errors)
    {
        foreach (string key in (string[])["format", "encapsulation", "offHost"])
        {
            if (fields.Optional(key) is { } node) errors.Add(node, "goes with reads: stream; remove it, or say reads: stream");
        }
    }

    private static void RefuseWithOffHost(YamlFields fields, PolicyErrors errors)
    {
        if (fields.Optional("format") is YamlNode.Scalar { Text: "pcap" } format)
        {
            errors.Add(format, "must be pcapng with offHost, or be left out: pcap has no place for the numbers by which the receiver finds "
                + "what is missing");
        }

        if (fields.Optional("encapsulation") is YamlNode.Scalar { Text: "vxlan" } encapsulation)
        {
            errors.Add(encapsulation, "must be none with offHost, or be left out: the receiver writes VXLAN itself "
                + "(host-agent receive --to-link)");
        }
    }

    private static IPAddress? ReadAddress(YamlNode? node, YamlFields fields, PolicyErrors errors)
    {
        if (fields.Text(node) is not { } text) return null;
        IPAddress? address = IpText.Parse(text);
        if (address is null) errors.Add(node!, $"{YamlPath.Quote(text)} is no unicast IPv4 or IPv6 address");
        return address;
    }

    private static ImmutableArray<string> ReadNamespaces(YamlFields fields, bool selected, PolicyErrors errors)
    {
        YamlNode? node = fields.Optional("namespaces");
        if (node is not null && !selected && fields.Optional("address") is not null)
            errors.Add(node, "goes with selector; remove it, or use a selector");
        if (node is null && selected)
            fields.Required("namespaces", "name the namespaces whose pods may be sensors, or any tenant could label one");
        if (node is null) return [];
        if (node is not YamlNode.Sequence list)
        {
            errors.WrongType(node, "a list of namespace names");
            return [];
        }

        if (list.Items.IsEmpty) errors.Add(node, "is empty; name the namespaces whose pods may be sensors");
        var names = new HashSet<string>(StringComparer.Ordinal);
        foreach (YamlNode item in list.Items)
        {
            if (fields.Text(item) is not { } name) continue;
            if (!LabelSyntax.IsNamespace(name)) errors.Add(item, $"{YamlPath.Quote(name)} is no namespace name");
            else if (!names.Add(name)) errors.Add(item, $"{YamlPath.Quote(name)} is named twice");
        }

        return [.. names];
    }

    private static SegmentLimit ReadSegments(YamlNode? node, SensorPolicy defaults, PolicyErrors errors)
    {
        if (node is null) return defaults.Segments;
        string allowed = $"wire, link or a number from {SegmentLimit.Least} to {SegmentLimit.Most} (bytes)";
        if (node is not YamlNode.Scalar scalar)
        {
            errors.WrongType(node, allowed);
            return defaults.Segments;
        }

        if (SegmentLimit.Parse(scalar.Text) is { } limit && (scalar.Plain || !limit.IsNumber)) return limit;
        errors.Add(node, $"must be {allowed} in decimal digits without quotes, is {YamlPath.Quote(scalar.Text)}");
        return defaults.Segments;
    }

    private static (int First, int Count) ReadSourcePorts(YamlNode? node, SensorPolicy defaults, PolicyErrors errors)
    {
        int first = defaults.FirstSourcePort;
        int count = defaults.SourcePortCount;
        if (node is not null && YamlFields.Of(node, errors, "first", "count") is { } fields)
        {
            first = fields.Number(fields.Optional("first"), 1, ushort.MaxValue) ?? first;
            count = fields.Number(fields.Optional("count"), 1, ushort.MaxValue) ?? count;
            if (first + count - 1 > ushort.MaxValue)
                errors.Add(node, $"the last port would be {first + count - 1}; first + count - 1 is at most {ushort.MaxValue}");
        }

        return (first, count);
    }
}
