using HostAgent.Interop;

namespace HostAgent.Policy;

/// <summary>Reads a file into memory, but never more of it than is wanted.</summary>
internal static class BoundedFile
{
    /// <param name="limit">In bytes. One byte more than this is read, so that the caller can tell a larger file.</param>
    /// <exception cref="IOException">
    /// It cannot be read, or is no regular file, which could hold its reader up for ever (links are followed).
    /// </exception>
    /// <exception cref="UnauthorizedAccessException">It must not be read.</exception>
    public static byte[] Read(string path, int limit)
    {
        RefuseOthers(path);
        using var file = new FileStream(path, FileMode.Open, FileAccess.Read, FileShare.ReadWrite | FileShare.Delete, bufferSize: 1);
        using var content = new MemoryStream(file.CanSeek ? (int)Math.Min(file.Length, limit) + 1 : 0);
        Span<byte> buffer = stackalloc byte[4096];
        int read;
        while (content.Length <= limit && (read = file.Read(buffer)) > 0) content.Write(buffer[..read]);
        return content.ToArray();
    }

    /// <summary>Refuses what is no regular file. What cannot be looked at is left for the opening to name.</summary>
    /// <exception cref="IOException">It is something else.</exception>
    public static void RefuseOthers(string path)
    {
        if (SysStat.statx(SysStat.AT_FDCWD, path, 0, SysStat.STATX_TYPE, out SysStat.statx_result found) != 0) return;
        string? kind = (ushort)(found.stx_mode & SysStat.S_IFMT) switch
        {
            SysStat.S_IFREG => null,
            SysStat.S_IFDIR => "a directory",
            SysStat.S_IFIFO => "a pipe (FIFO)",
            SysStat.S_IFSOCK => "a socket",
            SysStat.S_IFCHR => "a character device",
            SysStat.S_IFBLK => "a block device",
            _ => "of an unknown kind",
        };
        if (kind is not null) throw new IOException($"it is {kind}; name a regular file, or a link to one");
    }
}
