namespace HostAgent.Policy;

/// <summary>One thing that is wrong with a policy file.</summary>
/// <param name="Line">From 1.</param>
/// <param name="Path">Such as <c>rules[1].podSelector</c>; empty for the document itself.</param>
/// <param name="Message">What is wrong and how to mend it. What it quotes of the file is shortened and escaped.</param>
public sealed record PolicyError(int Line, string Path, string Message)
{
    /// <summary>As compilers print it: <c>policy.yaml:12: rules[1].namespaceSelector: …</c>.</summary>
    public string In(string file) => Path.Length == 0 ? $"{file}:{Line}: {Message}" : $"{file}:{Line}: {Path}: {Message}";
}
