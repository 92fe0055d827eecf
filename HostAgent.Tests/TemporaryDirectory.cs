namespace HostAgent.Tests;

/// <summary>A directory that ends with the test.</summary>
internal sealed class TemporaryDirectory : IDisposable
{
    public string Path { get; } = Directory.CreateTempSubdirectory("host-agent-test-").FullName;

    public string File(string name) => System.IO.Path.Combine(Path, name);

    /// <summary>Makes or replaces a file; nobody ever sees half of it.</summary>
    public string Write(string name, string content)
    {
        string whole = File(name + ".new");
        System.IO.File.WriteAllText(whole, content);
        System.IO.File.Move(whole, File(name), overwrite: true);
        return File(name);
    }

    public void Dispose() => Directory.Delete(Path, recursive: true);
}
