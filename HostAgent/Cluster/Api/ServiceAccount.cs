using System.Globalization;

namespace HostAgent.Cluster;

/// <summary>
/// The credentials that the kubelet gives to every pod: the server by environment, and a directory with ca.crt and token, both of which
/// it replaces as they rotate.
/// </summary>
public static class ServiceAccount
{
    public const string DefaultDirectory = "/var/run/secrets/kubernetes.io/serviceaccount";

    /// <param name="environment">Reads an environment variable.</param>
    /// <param name="directory">Where ca.crt and token are.</param>
    /// <exception cref="ApiCredentialsException">This is no pod, or the pod has no service account token.</exception>
    public static ApiCredentials Read(Func<string, string?> environment, string directory = DefaultDirectory)
    {
        string? host = environment("KUBERNETES_SERVICE_HOST");
        string? port = environment("KUBERNETES_SERVICE_PORT");
        if (string.IsNullOrEmpty(host) || !ushort.TryParse(port, NumberStyles.None, CultureInfo.InvariantCulture, out ushort number))
        {
            throw new ApiCredentialsException(
                "no API server is known: this is no pod (KUBERNETES_SERVICE_HOST and KUBERNETES_SERVICE_PORT are not set); "
                + "use --kubeconfig or --cluster-file");
        }

        string token = Path.Combine(directory, "token");
        string authorities = Path.Combine(directory, "ca.crt");
        // Read once now, so that a pod without them ends with a word rather than retry for ever.
        PemFiles.Text(token);
        PemFiles.Authorities(PemFiles.Text(authorities), authorities);
        return new ApiCredentials
        {
            Server = new UriBuilder(
                Uri.UriSchemeHttps, host.Contains(':', StringComparison.Ordinal) ? $"[{host.Trim('[', ']')}]" : host, number).Uri,
            Token = () => PemFiles.Text(token),
            Authorities = () => PemFiles.Authorities(PemFiles.Text(authorities), authorities),
        };
    }
}
