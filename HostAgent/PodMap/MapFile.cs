namespace HostAgent.PodMap;

/// <summary>
/// One file of the map. It is replaced as a whole: a reader has either the old one or the new one, and sees by its inode that it is
/// another. Zeek compares inode and whole seconds of the modification time, so a file is never written where it lies.
/// </summary>
/// <param name="path">In a directory that exists when it is written.</param>
internal sealed class MapFile(string path)
{
    private const UnixFileMode ForAll = UnixFileMode.UserRead | UnixFileMode.UserWrite | UnixFileMode.GroupRead | UnixFileMode.OtherRead;

    private byte[]? _written;

    public bool IsThere => File.Exists(path);

    /// <summary>Replaces it, unless it has this content and is still there.</summary>
    /// <exception cref="IOException">It cannot be written; the file that was there is still there.</exception>
    /// <exception cref="UnauthorizedAccessException">The same.</exception>
    public void Write(byte[] content)
    {
        if (_written is not null && content.AsSpan().SequenceEqual(_written) && IsThere) return;
        string temporary = path + ".new";
        File.Delete(temporary);
        using (var file = new FileStream(temporary, new FileStreamOptions
        {
            Mode = FileMode.CreateNew,
            Access = FileAccess.Write,
            UnixCreateMode = ForAll,
        }))
        {
            file.Write(content);
            // The name must not come to stand for a file that a crash has left empty.
            file.Flush(flushToDisk: true);
        }

        // Whatever the umask took.
        File.SetUnixFileMode(temporary, ForAll);
        File.Move(temporary, path, overwrite: true);
        _written = content;
    }
}
