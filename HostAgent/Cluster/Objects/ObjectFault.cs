namespace HostAgent.Cluster;

/// <summary>
/// The first thing found wrong while an object is read. It is kept rather than thrown at once: the object is read to its end, so that
/// the error can name it whatever the order of its fields, and the reader stands where the next object starts.
/// </summary>
internal struct ObjectFault
{
    private string? _field;
    private string? _problem;

    public void Set(string name, string what)
    {
        if (_field is not null) return;
        _field = name;
        _problem = what;
    }

    public readonly void ThrowIfSet(string subject)
    {
        if (_field is not null) throw new MalformedObjectException(subject, _field, _problem!);
    }
}
