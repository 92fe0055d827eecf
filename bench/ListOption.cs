using System.CommandLine;
using System.CommandLine.Parsing;

namespace HostAgent.Bench;

/// <summary>An option that takes names of some of a set, with commas between them, or "all".</summary>
/// <typeparam name="T">What is chosen from.</typeparam>
internal sealed class ListOption<T>
{
    private readonly string _name;
    private readonly IReadOnlyList<T> _all;
    private readonly Func<T, string> _nameOf;
    private readonly string _standard;

    /// <param name="name">With its dashes.</param>
    /// <param name="description">Of the names.</param>
    /// <param name="all">What is chosen from.</param>
    /// <param name="nameOf">What each is called.</param>
    /// <param name="standard">What is chosen without the option.</param>
    public ListOption(string name, string description, IReadOnlyList<T> all, Func<T, string> nameOf, string standard)
    {
        (_name, _all, _nameOf, _standard) = (name, all, nameOf, standard);
        // Not its DefaultValueFactory: the help would show the values' type names.
        Option = new Option<IReadOnlyList<T>?>(name)
        {
            HelpName = "LIST",
            Description = $"{description} [default: {standard}]",
            CustomParser = result => Find(result.Tokens[^1].Value, result),
        };
    }

    public Option<IReadOnlyList<T>?> Option { get; }

    public IReadOnlyList<T> In(ParseResult parsed) => parsed.GetValue(Option) ?? Find(_standard);

    private IReadOnlyList<T> Find(string list, ArgumentResult? result = null)
    {
        if (list == "all") return _all;
        string[] names = list.Split(',', StringSplitOptions.RemoveEmptyEntries | StringSplitOptions.TrimEntries);
        foreach (string unknown in names.Where(n => !_all.Any(item => Is(item, n))))
        {
            result?.AddError($"{_name}: '{unknown}' is none of {string.Join(", ", _all.Select(_nameOf)).ToLowerInvariant()}");
        }

        return [.. _all.Where(item => names.Any(n => Is(item, n)))];
    }

    private bool Is(T item, string called) => string.Equals(_nameOf(item), called, StringComparison.OrdinalIgnoreCase);
}
