namespace HostAgent.Accounts;

/// <summary>Something that must have happened once before the agent is ready.</summary>
public sealed class Milestone
{
    private volatile bool _reached;

    internal Milestone(string name) => Name = name;

    public string Name { get; }

    public bool Reached => _reached;

    public void Reach() => _reached = true;
}
