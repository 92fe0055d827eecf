using System.Text.Json;
using System.Text.RegularExpressions;

namespace HostAgent.Tests.Deploy;

/// <summary>NOTICE names what is published with the program, no less and no more.</summary>
internal sealed partial class NoticeTests
{
    private static readonly Match[] Listed = Row().Matches(Text("NOTICE")).ToArray();

    [Test]
    public void The_packages_of_the_program_are_listed_with_their_versions()
    {
        // What the build of the program says that it is made of, transitive packages included.
        using var built = JsonDocument.Parse(
            File.ReadAllText(Path.Combine(TestContext.CurrentContext.TestDirectory, "host-agent.deps.json")));
        string[] packages =
        [
            .. built.RootElement.GetProperty("libraries").EnumerateObject()
                .Where(library => library.Value.GetProperty("type").GetString() == "package")
                .Select(library => library.Name),
        ];
        Assert.That(packages, Is.Not.Empty);
        Assert.That(Listed.Select(row => $"{row.Groups["name"].Value}/{row.Groups["version"].Value}"), Is.EquivalentTo(packages),
            "NOTICE has to have a row for each package: name, version, licence and copyright as its .nuspec says");
    }

    [Test]
    public void The_text_of_each_licence_comes_along()
    {
        using (Assert.EnterMultipleScope())
        {
            foreach (string licence in Listed.Select(row => row.Groups["licence"].Value).Distinct())
            {
                (string file, string text) = licence switch
                {
                    "Apache-2.0" => ("LICENSE", "Version 2.0, January 2004"),
                    "MIT" => ("NOTICE", "Permission is hereby granted, free of charge"),
                    "MPL-2.0" => ("NOTICE", "https://mozilla.org/MPL/2.0/"),
                    _ => throw new AssertionException($"the text of {licence} is nowhere; put it into NOTICE"),
                };
                Assert.That(Text(file), Does.Contain(text), licence);
            }
        }
    }

    [TestCase("LICENSE")]
    [TestCase("NOTICE")]
    public void It_comes_with_the_image(string file)
    {
        using (Assert.EnterMultipleScope())
        {
            Assert.That(Text("Dockerfile"), Does.Match($@"(?m)^COPY .*\b{file}\b.* /app/$"));
            Assert.That(Text(".dockerignore"), Does.Match($"(?m)^!{file}$"), "what the build may see");
        }
    }

    private static string Text(string file) => File.ReadAllText(Path.Combine(ManifestTests.Root, file));

    [GeneratedRegex(
        @"^(?<name>[A-Za-z0-9.-]+) +(?<version>\d+\.\d+\.\d+\S*) +(?<licence>\S+) +(?<copyright>\S.*)$", RegexOptions.Multiline)]
    private static partial Regex Row();
}
