namespace HostAgent.E2E.Running;

/// <summary>Says what happens while it happens, and at the end once more in a table.</summary>
internal sealed class Report(TextWriter console)
{
    private readonly List<Outcome> _outcomes = [];
    private readonly List<string> _notes = [];

    /// <summary>Whether a test passed, and none failed.</summary>
    public bool IsGood => Count(Outcome.Passed) > 0 && Count(Outcome.Failed) == 0;

    public void Say(string text) => console.WriteLine(text);

    /// <summary>Says it, moved in under the test that it is about.</summary>
    public void Detail(string text) => Say("    " + text.Trim().Replace("\n", "\n    "));

    /// <summary>As <see cref="Detail"/>, and among what was measured.</summary>
    public void Note(string text)
    {
        Detail(text);
        _notes.Add(text.Trim());
    }

    public void Add(Outcome outcome) => _outcomes.Add(outcome);

    public void Summarize()
    {
        if (_notes.Count > 0) Say($"\nMeasured:\n    {string.Join("\n    ", _notes)}");
        Say("");
        int width = _outcomes.Select(o => o.Test.Length).Append(0).Max();
        foreach (Outcome o in _outcomes.Prepend(new Outcome("WHERE", "TEST", "OUTCOME", "SECONDS")))
            Say($"{o.Where,-8} {o.Test.PadRight(width)} {o.Result,-9} {o.Remark}");
        Say($"{Count(Outcome.Passed)} passed, {Count(Outcome.Failed)} failed, {Count(Outcome.LeftOut)} left out");
    }

    private int Count(string result) => _outcomes.Count(o => o.Result == result);
}
