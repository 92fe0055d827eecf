using System.Net;
using System.Net.Sockets;
using HostAgent.Lab;

namespace HostAgent.Tests.Applications;

/// <summary>A server program in a pod.</summary>
internal static class PodServer
{
    /// <summary>Starts it; it accepts connections when this returns.</summary>
    /// <exception cref="AssertionException">It has ended instead; the message has what it said.</exception>
    public static async Task<ChildProcess> StartAsync(PodNetwork pod, int port, params string[] command)
    {
        ChildProcess server = ChildProcess.Start(pod.Namespace, command);
        try
        {
            await Eventually.ThatAsync(() =>
            {
                if (server.HasExited) Assert.Fail($"{command[0]} has ended: {server.Errors}\n{server.Unread}");
                return Answers(pod, port);
            }, $"{command[0]} listens on port {port}", seconds: 90);
            return server;
        }
        catch
        {
            await server.DisposeAsync();
            throw;
        }
    }

    // From within the pod, so that nothing of it is mirrored.
    private static bool Answers(PodNetwork pod, int port)
    {
        using Socket socket = pod.OpenSocket(pod.Ipv4, SocketType.Stream);
        try
        {
            socket.Connect(new IPEndPoint(pod.Ipv4, port));
            return true;
        }
        catch (SocketException)
        {
            return false;
        }
    }
}
