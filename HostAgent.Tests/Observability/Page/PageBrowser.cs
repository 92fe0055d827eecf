using System.Diagnostics;
using System.Text.Json;
using HostAgent.Lab;
using HostAgent.Tests.Deploy;
using HostAgent.Tests.Network;

namespace HostAgent.Tests.Observability;

/// <summary>A headless Chromium with one page, steered through Playwright by browser.mjs.</summary>
internal sealed class PageBrowser : IAsyncDisposable
{
    private static readonly string Folder = Path.Combine(ManifestTests.Root, "HostAgent.Tests", "Observability", "Page");
    private static readonly TimeSpan Patience = TimeSpan.FromMinutes(2);
    private static readonly Lock Installing = new();

    private readonly ChildProcess _process;

    private PageBrowser(ChildProcess process) => _process = process;

    /// <summary>Where screenshots go that are kept: the variable SCREENSHOTS; null in a plain run.</summary>
    public static string? Screenshots { get; } =
        Environment.GetEnvironmentVariable("SCREENSHOTS") is { Length: > 0 } folder ? Path.GetFullPath(folder) : null;

    /// <param name="where">The namespace of the browser; null for the tests' own.</param>
    /// <exception cref="AssertionException">A program is missing, or the registry; the message names it.</exception>
    public static async Task<PageBrowser> StartAsync(NetworkNamespace? where = null)
    {
        Require.Program("chromium");
        Require.Program("node", "nodejs");
        Require.Program("npm");
        lock (Installing) Install();
        string[] command = ["node", Path.Combine(Folder, "browser.mjs")];
        var process = ChildProcess.Start(where?.StartInfo(command) ?? new ProcessStartInfo(command[0], command[1..]));
        try
        {
            await process.ReadLineAsync(CancellationToken.None).AsTask().WaitAsync(Patience);
            return new PageBrowser(process);
        }
        catch (Exception e)
        {
            string said = process.Errors;
            await process.DisposeAsync();
            throw new AssertionException($"the browser does not start: {e.Message}\n{said}", e);
        }
    }

    /// <summary>A fresh page, as one who has never been there sees it.</summary>
    /// <returns>The response's headers, their names in lower case.</returns>
    public async Task<Dictionary<string, string>> OpenAsync(string url, string scheme = "light", int width = 1280, int height = 900)
    {
        JsonElement answer = await OrderAsync(new { @do = "open", url, scheme, width, height });
        Assert.That(answer.GetProperty("status").GetInt32(), Is.EqualTo(200));
        return answer.GetProperty("headers").Deserialize<Dictionary<string, string>>()!;
    }

    /// <summary>What the page says now.</summary>
    public async Task<PageView> ReadAsync() =>
        (await OrderAsync(new { @do = "read" })).Deserialize<PageView>(JsonSerializerOptions.Web)!;

    /// <summary>Waits until it says what is expected.</summary>
    public async Task<PageView> UntilAsync(string what, Predicate<PageView> holds)
    {
        // Not Eventually: the condition is an answer of the browser, which the caller wants.
        for (long start = Stopwatch.GetTimestamp(); ; await Task.Delay(100))
        {
            PageView view = await ReadAsync();
            if (holds(view)) return view;
            if (Stopwatch.GetElapsedTime(start) > Patience) Assert.Fail($"the page does not come to this: {what}; {view}");
        }
    }

    /// <summary>Presses keys by their names, or types text.</summary>
    public Task PressAsync(params string[] keys) => OrderAsync(new { @do = "press", keys });

    /// <summary>Presses the tab key until what has the focus has this id or text.</summary>
    /// <returns>The style of its outline: none is one that nobody sees.</returns>
    public async Task<string> TabToAsync(string what) => (await OrderAsync(new { @do = "tabTo", what })).GetString()!;

    /// <summary>What axe-core finds.</summary>
    public async Task<string[]> ViolationsAsync() => (await OrderAsync(new { @do = "axe" })).Deserialize<string[]>()!;

    /// <summary>Errors and warnings of the console, what the page's policy stopped, and requests to anybody but the agent.</summary>
    public async Task<string[]> FaultsAsync() => (await OrderAsync(new { @do = "faults" })).Deserialize<string[]>()!;

    public Task ShotAsync(string path) => OrderAsync(new { @do = "shot", path });

    public ValueTask DisposeAsync() => _process.DisposeAsync();

    private static void Install()
    {
        // npm writes the second last.
        string wanted = Path.Combine(Folder, "package-lock.json"), made = Path.Combine(Folder, "node_modules", ".package-lock.json");
        if (File.Exists(made) && File.GetLastWriteTimeUtc(made) >= File.GetLastWriteTimeUtc(wanted)) return;
        ProgramRun run = HostTool.RunToEnd(new ProcessStartInfo("npm", ["ci"]) { WorkingDirectory = Folder }, patience: Patience);
        if (run.Code != 0) Assert.Fail($"npm cannot install what the browser's tests need: {run.Errors}");
    }

    private async Task<JsonElement> OrderAsync<T>(T order)
    {
        string line = await _process.AskAsync("the browser", JsonSerializer.Serialize(order), Patience, CancellationToken.None);
        using JsonDocument answer = JsonDocument.Parse(line);
        if (answer.RootElement.TryGetProperty("error", out JsonElement error)) Assert.Fail($"the browser: {error.GetString()}");
        return answer.RootElement.GetProperty("value").Clone();
    }
}
