using System.Reflection;
using System.Security.Cryptography;
using System.Text;

namespace HostAgent.Observability;

/// <summary>
/// The page at /: page.html with page.css and the scripts in it, so one document that fetches nothing but its events. Its policy
/// (Content-Security-Policy Level 3) allows exactly this style and this script, by their hashes, and no text to become markup
/// (Trusted Types): names of pods come from whoever may create pods.
/// </summary>
internal sealed class StatusPage
{
    /// <summary>Each uses those before it.</summary>
    private static readonly string[] Scripts = ["text.js", "verdict.js", "ledger.js", "pods.js", "page.js"];

    public StatusPage()
    {
        (string style, string script) = (Read("page.css"), string.Concat(Scripts.Select(Read)));
        string html = Read("page.html").Replace("{style}", style, StringComparison.Ordinal)
            .Replace("{script}", script, StringComparison.Ordinal);
        Html = Encoding.UTF8.GetBytes(html);
        SecurityPolicy = $"default-src 'none'; style-src {Hash(style)}; script-src {Hash(script)}; connect-src 'self'; img-src data:; "
            + "base-uri 'none'; form-action 'none'; frame-ancestors 'none'; require-trusted-types-for 'script'; trusted-types 'none'";
    }

    /// <summary>In UTF-8.</summary>
    public ReadOnlyMemory<byte> Html { get; }

    /// <summary>The value of the header Content-Security-Policy.</summary>
    public string SecurityPolicy { get; }

    /// <summary>Of an inline element's text: all between its tags.</summary>
    private static string Hash(string text) => $"'sha256-{Convert.ToBase64String(SHA256.HashData(Encoding.UTF8.GetBytes(text)))}'";

    private static string Read(string name)
    {
        using Stream stream = Assembly.GetExecutingAssembly().GetManifestResourceStream(name)
            ?? throw new InvalidOperationException($"the program was built without {name}");
        using var reader = new StreamReader(stream);
        return reader.ReadToEnd();
    }
}
