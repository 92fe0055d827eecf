using System.Buffers.Binary;
using System.Net;
using System.Net.Sockets;
using System.Text;
using HostAgent.Lab;

namespace HostAgent.Tests.Applications;

/// <summary>
/// A client and a broker that speak Kafka's protocol as its guide has it (kafka.apache.org/protocol): ApiVersions, then Metadata for one
/// topic after another, all version 0. Debian has no broker.
/// </summary>
internal static class KafkaTalk
{
    public const ushort Port = 9092;
    public const short ApiVersions = 18, Metadata = 3;
    public const string Client = "host-agent-test";

    /// <summary>One connection: a request for each topic, each answered before the next.</summary>
    public static async Task RunAsync(PodNetwork client, PodNetwork broker, IReadOnlyList<string> topics)
    {
        using Socket listener = broker.Listen(broker.Ipv4, Port);
        Task serving = Task.Run(() => Serve(listener, 1 + topics.Count));
        using Socket socket = client.OpenSocket(broker.Ipv4, SocketType.Stream);
        await socket.ConnectAsync(new IPEndPoint(broker.Ipv4, Port));
        int correlation = 0;
        foreach (byte[] body in new[] { Array.Empty<byte>() }.Concat(topics.Select(topic => (byte[])[.. Int32(1), .. Text(topic)])))
        {
            short key = correlation == 0 ? ApiVersions : Metadata;
            socket.Send(Message([.. Int16(key), .. Int16(0), .. Int32(correlation), .. Text(Client), .. body]));
            byte[] answer = Receive(socket);
            Assert.That(BinaryPrimitives.ReadInt32BigEndian(answer), Is.EqualTo(correlation++), "the answer to this request");
        }

        await serving;
    }

    private static void Serve(Socket listener, int requests)
    {
        using Socket socket = listener.Accept();
        for (int i = 0; i < requests; i++)
        {
            byte[] request = Receive(socket);
            short key = BinaryPrimitives.ReadInt16BigEndian(request);
            // Behind the header, whose last part is the client's name, and the number of topics.
            string topic = key == Metadata ? Encoding.ASCII.GetString(request.AsSpan(10 + Client.Length + 4 + 2)) : "";
            socket.Send(Message([.. request.AsSpan(4, 4), .. key == ApiVersions ? Versions() : TopicOf(topic)]));
        }
    }

    private static byte[] Versions() =>
        [.. Int16(0), .. Int32(2), .. Int16(ApiVersions), .. Int16(0), .. Int16(0), .. Int16(Metadata), .. Int16(0), .. Int16(0)];

    /// <summary>One broker; one partition, which it leads.</summary>
    private static byte[] TopicOf(string name) =>
    [
        .. Int32(1), .. Int32(7), .. Text("broker"), .. Int32(Port),
        .. Int32(1), .. Int16(0), .. Text(name), .. Int32(1), .. Int16(0), .. Int32(0), .. Int32(7),
        .. Int32(1), .. Int32(7), .. Int32(1), .. Int32(7),
    ];

    private static byte[] Message(byte[] content) => [.. Int32(content.Length), .. content];

    private static byte[] Receive(Socket socket)
    {
        byte[] size = Exactly(socket, 4);
        return Exactly(socket, BinaryPrimitives.ReadInt32BigEndian(size));
    }

    private static byte[] Exactly(Socket socket, int count)
    {
        byte[] bytes = new byte[count];
        using var stream = new NetworkStream(socket);
        stream.ReadExactly(bytes);
        return bytes;
    }

    private static byte[] Text(string text) => [.. Int16((short)text.Length), .. Encoding.ASCII.GetBytes(text)];

    private static byte[] Int16(short value)
    {
        byte[] bytes = new byte[2];
        BinaryPrimitives.WriteInt16BigEndian(bytes, value);
        return bytes;
    }

    private static byte[] Int32(int value)
    {
        byte[] bytes = new byte[4];
        BinaryPrimitives.WriteInt32BigEndian(bytes, value);
        return bytes;
    }
}
