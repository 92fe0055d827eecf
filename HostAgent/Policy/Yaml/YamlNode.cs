using System.Collections.Immutable;

namespace HostAgent.Policy;

/// <summary>A node of a YAML document that knows its line (from 1) and its path.</summary>
internal abstract record YamlNode(int Line, YamlPath Path)
{
    /// <summary>What an error calls it.</summary>
    public abstract string Kind { get; }

    /// <param name="Plain">Written without quotes, so that true, 12 and ~ are not text.</param>
    internal sealed record Scalar(int Line, YamlPath Path, string Text, bool Plain) : YamlNode(Line, Path)
    {
        public override string Kind => YamlScalars.IsText(this) ? "text" : YamlScalars.IsNull(this) ? "nothing" : "a number or boolean";
    }

    internal sealed record Sequence(int Line, YamlPath Path, ImmutableArray<YamlNode> Items) : YamlNode(Line, Path)
    {
        public override string Kind => "a list";
    }

    internal sealed record Mapping(int Line, YamlPath Path, ImmutableArray<KeyValuePair<Scalar, YamlNode>> Entries) : YamlNode(Line, Path)
    {
        public override string Kind => "a mapping";
    }

    /// <summary>Already reported; whoever meets it says no more.</summary>
    internal sealed record Invalid(int Line, YamlPath Path) : YamlNode(Line, Path)
    {
        public override string Kind => "refused";
    }
}
