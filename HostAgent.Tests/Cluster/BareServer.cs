using System.Net;
using System.Net.Sockets;
using System.Text;

namespace HostAgent.Tests.Cluster;

/// <summary>
/// Answers every list of pods with so many of 2 KB over plain HTTP, and keeps nothing, so that memory can be measured beside it.
/// </summary>
internal sealed class BareServer : IDisposable
{
    private readonly TcpListener _listener = new(IPAddress.Loopback, 0);
    private readonly int _count;

    public BareServer(int count)
    {
        _count = count;
        _listener.Start();
        new Thread(Accept) { IsBackground = true }.Start();
    }

    public Uri Url => new($"http://{_listener.LocalEndpoint}");

    public void Dispose() => _listener.Dispose();

    private void Accept()
    {
        try
        {
            while (true)
            {
                Socket socket = _listener.AcceptSocket();
                new Thread(() => Serve(socket)) { IsBackground = true }.Start();
            }
        }
        catch (Exception e) when (e is SocketException or InvalidOperationException)
        {
            // Disposed.
        }
    }

    private void Serve(Socket socket)
    {
        using var stream = new NetworkStream(socket, ownsSocket: true);
        try
        {
            using var reader = new StreamReader(stream, leaveOpen: true);
            string request = reader.ReadLine() ?? "";
            while (!string.IsNullOrEmpty(reader.ReadLine())) { }
            using var writer = new StreamWriter(stream, new UTF8Encoding(false), 4096) { NewLine = "\r\n" };
            writer.Write("HTTP/1.1 200 OK\r\nContent-Type: application/json\r\nConnection: close\r\n\r\n");
            writer.Flush();
            if (request.Contains("watch=true", StringComparison.Ordinal))
            {
                reader.ReadLine();
                return;
            }

            writer.Write("{\"metadata\":{\"resourceVersion\":\"7\"},\"items\":[");
            string padding = new('x', 1_700);
            int count = request.Contains("/pods?", StringComparison.Ordinal) ? _count : 0;
            for (int i = 0; i < count; i++)
            {
                if (i > 0) writer.Write(',');
                writer.Write($$$"""{"metadata":{"name":"pod{{{i}}}","namespace":"a","uid":"pod{{{i}}}","labels":{"app":"x"}""");
                writer.Write($$$""","annotations":{"a":"{{{padding}}}"}},"spec":{"nodeName":"n"},""");
                writer.Write($$$"""  "status":{"phase":"Running","podIPs":[{"ip":"10.1.{{{i / 250}}}.{{{(i % 250) + 1}}}"}]}}""");
            }

            writer.Write("]}");
        }
        catch (Exception e) when (e is IOException or ObjectDisposedException)
        {
            // The agent has gone.
        }
    }
}
