using System.Security.Cryptography;
using System.Security.Cryptography.X509Certificates;
using System.Text;
using HostAgent.Policy;

namespace HostAgent.Cluster;

/// <summary>Reads what Kubernetes mounts or a kubeconfig names: certificates, keys and tokens.</summary>
internal static class PemFiles
{
    private const int LargestFile = 1 << 20;

    /// <exception cref="ApiCredentialsException">It cannot be read, or is empty.</exception>
    public static string Text(string path)
    {
        try
        {
            string text = Encoding.UTF8.GetString(BoundedFile.Read(path, LargestFile)).Trim();
            return text.Length > 0 ? text : throw new ApiCredentialsException($"{path} is empty");
        }
        catch (Exception e) when (e is UnauthorizedAccessException or NotSupportedException or ArgumentException
            || (e is IOException && e is not ApiCredentialsException))
        {
            throw new ApiCredentialsException($"{path} cannot be read: {e.Message}", e);
        }
    }

    /// <exception cref="ApiCredentialsException">There is no certificate in it.</exception>
    public static X509Certificate2Collection Authorities(string pem, string place)
    {
        var found = new X509Certificate2Collection();
        try
        {
            found.ImportFromPem(pem);
        }
        catch (CryptographicException e)
        {
            throw new ApiCredentialsException($"{place} holds no valid certificate: {e.Message}", e);
        }

        return found.Count > 0 ? found : throw new ApiCredentialsException($"{place} holds no certificate (-----BEGIN CERTIFICATE-----)");
    }

    /// <exception cref="ApiCredentialsException">They are no certificate and its key.</exception>
    public static X509Certificate2 Pair(string certificate, string key, string place)
    {
        try
        {
            return X509Certificate2.CreateFromPem(certificate, key);
        }
        catch (Exception e) when (e is CryptographicException or ArgumentException)
        {
            throw new ApiCredentialsException($"{place}: the client certificate and key cannot be used: {e.Message}", e);
        }
    }
}
