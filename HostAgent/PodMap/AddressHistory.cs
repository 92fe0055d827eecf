using System.Buffers;

namespace HostAgent.PodMap;

/// <summary>
/// Who had which address from when until when, so that a log line of last night can be resolved: history.ndjson, a line when an owner
/// begins and one when it ends. A file that is full becomes history.1.ndjson and so on; the oldest is deleted. Each file begins with
/// whoever has an address at the time.
/// </summary>
/// <param name="directory">Where the files are; it exists.</param>
/// <param name="fileBytes">A file that has as much is full.</param>
/// <param name="files">How many there are at most.</param>
internal sealed class AddressHistory(
    string directory, long fileBytes = AddressHistory.UsualFileBytes, int files = AddressHistory.UsualFiles)
{
    /// <summary>64 MiB in all: more than 150,000 owners.</summary>
    public const long UsualFileBytes = 8 << 20;

    public const int UsualFiles = 8;

    private readonly ArrayBufferWriter<byte> _lines = new();

    private string Current => Path.Combine(directory, "history.ndjson");

    /// <summary>Adds what began and what ended.</summary>
    /// <param name="changes">From <see cref="AddressBook.Update"/>.</param>
    /// <param name="owners">Whoever has an address now, for the beginning of another file.</param>
    /// <exception cref="IOException">It cannot be written. What is there stays readable.</exception>
    /// <exception cref="UnauthorizedAccessException">The same.</exception>
    public void Append(IReadOnlyCollection<AddressOwner> changes, IEnumerable<AddressOwner> owners)
    {
        if (changes.Count == 0) return;
        if (new FileInfo(Current) is { Exists: true } full && full.Length >= fileBytes)
        {
            Rotate();
            Write(owners.Where(owner => owner.Until is null));
        }

        Write(changes);
    }

    /// <summary>All lines, oldest first. Lines that are not whole are passed over.</summary>
    /// <exception cref="IOException">A file cannot be read.</exception>
    public IEnumerable<AddressOwner> Read()
    {
        for (int i = files - 1; i >= 0; i--)
        {
            if (!File.Exists(PathOf(i))) continue;
            foreach (string line in File.ReadLines(PathOf(i)))
            {
                if (PodMapJson.Read(System.Text.Encoding.UTF8.GetBytes(line)) is { } owner) yield return owner;
            }
        }
    }

    /// <summary>Each owner once, as it was last written down: with its end, if that is known.</summary>
    public IEnumerable<AddressOwner> Owners() => Read()
        .GroupBy(owner => (owner.Ip, owner.Uid, owner.Since)).Select(lines => lines.Last());

    private string PathOf(int age) => age == 0 ? Current : Path.Combine(directory, $"history.{age}.ndjson");

    private void Rotate()
    {
        for (int i = files - 1; i > 0; i--)
        {
            if (File.Exists(PathOf(i - 1))) File.Move(PathOf(i - 1), PathOf(i), overwrite: true);
        }
    }

    private void Write(IEnumerable<AddressOwner> owners)
    {
        _lines.ResetWrittenCount();
        foreach (AddressOwner owner in owners) PodMapJson.Write(_lines, AddressRecord.Of(owner));
        using var file = new FileStream(Current, FileMode.Append, FileAccess.Write, FileShare.ReadWrite);
        file.Write(_lines.WrittenSpan);
    }
}
