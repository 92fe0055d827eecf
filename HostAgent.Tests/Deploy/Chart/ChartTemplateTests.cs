using System.Text.Json.Nodes;

namespace HostAgent.Tests.Deploy.Chart;

/// <summary>The reader of templates: what Go's text/template makes of the same, and refusals of what it does not know.</summary>
internal sealed class ChartTemplateTests
{
    private const string Values =
        "{yes: true, no: false, empty: {}, text: a, port: 4789, map: {b: [x, 'on'], a: 1}, big: 1000000, half: 0.5, none: null}";

    [TestCase("a: {{ .Values.text }} {{ .Values.port }} {{ .Values.yes }}", "a: a 4789 true")]
    [TestCase("a\n{{- if .Values.yes }}\nb\n{{- else }}\nc\n{{- end }}\nd", "a\nb\nd")]
    [TestCase("a\n{{- if .Values.no }}\nb\n{{- else if .Values.text }}\nc\n{{- else }}\nd\n{{- end }}", "a\nc")]
    [TestCase("{{ if .Values.empty -}} a {{- else -}} b {{- end }}", "b")]
    [TestCase("{{ if or .Values.no .Values.port }}a{{ end }}{{ if or .Values.no .Values.empty }}b{{ end }}", "a")]
    [TestCase("{{ if .Values.no }}{{ if .Values.yes }}a{{ else }}b{{ end }}{{ else }}c{{ end }}", "c")]
    [TestCase("{{ with .Values.text }}{{ . }}{{ end }}{{ with .Values.map }}{{ .a }}{{ end }}{{ with .Values.no }}b{{ end }}", "a1")]
    [TestCase("a:\n  {{- toYaml .Values.map | nindent 2 }}", "a:\n  \"a\": 1\n  \"b\":\n  - \"x\"\n  - \"on\"")]
    [TestCase("a: {{ .Values.text | quote }}", "a: \"a\"")]
    [TestCase("a: |\n  {{- .Files.Get \"f\" | nindent 2 }}", "a: |\n  {{ not }}\n  read")]
    [TestCase("{a: {b: c}}", "{a: {b: c}}")]
    public void It_renders(string template, string text) => Assert.That(Render(template), Is.EqualTo(text));

    [TestCase("a\n{{ range .Values.map }}", 2, "range .Values.map")]
    [TestCase("a\n\n{{ include \"b\" . }}", 3, "include")]
    [TestCase("{{ if .Values.no }}\n{{ .Values.text | upper }}\n{{ end }}", 2, "upper")]
    [TestCase("{{ if eq .Values.text \"a\" }}{{ end }}", 1, "if eq")]
    [TestCase("{{ .Values.txt }}", 1, ".Values.txt leads nowhere")]
    [TestCase("{{ if .Values.text.length }}{{ end }}", 1, ".Values.text.length leads nowhere")]
    [TestCase("{{ with .Values.map }}\n{{ .Values.text }}{{ end }}", 2, ".Values.text leads nowhere")]
    [TestCase("{{ .Values.map }}", 1, "use toYaml")]
    [TestCase("{{ .Values.big }}", 1, "use toYaml")]
    [TestCase("{{ .Values.half }}", 1, "use toYaml")]
    [TestCase("{{ .Values.none }}", 1, "use toYaml")]
    [TestCase("{{ .Files.Get \"g\" }}", 1, "no file")]
    [TestCase("a\n{{ if .Values.yes }}\nb", 2, "without its end")]
    [TestCase("{{ end }}", 1, "no block")]
    [TestCase("{{ if .Values.yes }}{{ else }}{{ else }}{{ end }}", 1, "after the else")]
    [TestCase("a {{ .Values.text }\n", 1, "without its end on the line")]
    public void It_names_the_place_of_what_it_does_not_know(string template, int line, string why) => Assert.That(
        () => Render(template),
        Throws.InstanceOf<TemplateException>().With.Message.StartsWith($"t.yaml:{line}: ").And.Message.Contains(why));

    private static string Render(string template) => new ChartTemplate(
        "t.yaml", template, new JsonObject { ["Values"] = KubernetesYaml.Documents(Values).Single() },
        name => name == "f" ? "{{ not }}\nread" : null).Render();
}
