namespace HostAgent.Configuration;

/// <summary>Reads a file into memory, but never more of it than is wanted.</summary>
internal static class BoundedFile
{
    /// <param name="limit">In bytes. One byte more than this is read, so that the caller can tell a larger file.</param>
    /// <exception cref="IOException">It cannot be read.</exception>
    /// <exception cref="UnauthorizedAccessException">It must not be read.</exception>
    public static byte[] Read(string path, int limit)
    {
        using var file = new FileStream(path, FileMode.Open, FileAccess.Read, FileShare.ReadWrite | FileShare.Delete, bufferSize: 1);
        using var content = new MemoryStream(file.CanSeek ? (int)Math.Min(file.Length, limit) + 1 : 0);
        Span<byte> buffer = stackalloc byte[4096];
        int read;
        while (content.Length <= limit && (read = file.Read(buffer)) > 0) content.Write(buffer[..read]);
        return content.ToArray();
    }
}
