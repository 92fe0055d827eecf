namespace HostAgent.Cluster;

/// <summary>
/// The first thing found wrong while an object is read. It is kept rather than thrown at once: the object is read to its end, so that
/// the error can name it whatever the order of its fields, and the reader stands where the next object starts.
/// </summary>
internal struct ObjectFault
{
    private string? field;
    private string? problem;

    public void Set(string name, string what)
    {
        if (field is not null) return;
        field = name;
        problem = what;
    }

    public readonly void ThrowIfSet(string subject)
    {
        if (field is not null) throw new MalformedObjectException(subject, field, problem!);
    }
}
