using System.Text.RegularExpressions;

namespace HostAgent.Tests.Deploy;

/// <summary>
/// Each folder of the program imports only those above it, in the order that docs/architecture.md states, so that there is no circle.
/// </summary>
internal sealed partial class FolderOrderTests
{
    private static readonly string Program = Path.Combine(ManifestTests.Root, "HostAgent");

    private static readonly string[] Order =
        [.. Stated().Matches(File.ReadAllText(Path.Combine(ManifestTests.Root, "docs", "architecture.md")))
            .Select(line => line.Groups[1].Value)];

    [Test]
    public void The_order_names_every_folder_once() => Assert.That(
        Order, Is.EquivalentTo(Directory.GetDirectories(Program).Select(Path.GetFileName).Where(folder => folder is not ("bin" or "obj"))));

    [Test]
    public void No_file_imports_a_folder_below_its_own()
    {
        var wrong = new List<string>();
        foreach (string folder in Order)
        {
            foreach (string file in Directory.EnumerateFiles(Path.Combine(Program, folder), "*.cs", SearchOption.AllDirectories))
            {
                string text = File.ReadAllText(file);
                if (!text.Contains($"\nnamespace HostAgent.{folder};", StringComparison.Ordinal)
                    && !text.StartsWith($"namespace HostAgent.{folder};", StringComparison.Ordinal))
                {
                    wrong.Add($"{Path.GetRelativePath(Program, file)} is not in namespace HostAgent.{folder}");
                }

                wrong.AddRange(Imports().Matches(text).Select(import => import.Groups[1].Value)
                    .Where(import => Array.IndexOf(Order, import) > Array.IndexOf(Order, folder))
                    .Select(import => $"{Path.GetRelativePath(Program, file)} imports {import}").Distinct());
            }
        }

        Assert.That(wrong, Is.Empty);
    }

    /// <summary>A line such as "| `Links/` | …" of the table of folders.</summary>
    [GeneratedRegex(@"^\| `(\w+)/` \|", RegexOptions.Multiline)]
    private static partial Regex Stated();

    /// <summary>By using, or by a qualified name.</summary>
    [GeneratedRegex(@"\bHostAgent\.(\w+)\.?(?:\w|;)")]
    private static partial Regex Imports();
}
