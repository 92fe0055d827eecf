namespace HostAgent.Tests.Deploy.Chart;

/// <summary>A template that cannot be rendered, by its file and line.</summary>
internal sealed class TemplateException(string file, int line, string why) : Exception($"{file}:{line}: {why}");
