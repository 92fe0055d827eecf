namespace HostAgent.Policy;

/// <summary>Reads the policy's <c>sensor.offHost</c>.</summary>
internal static class OffHostReader
{
    /// <returns>Null when it is not given, or with an error.</returns>
    public static OffHostTls? Read(YamlNode? node, PolicyErrors errors)
    {
        if (node is null || YamlFields.Of(node, errors, "tls") is not { } offHost) return null;
        if (offHost.Required("tls", "a stream leaves this host encrypted or not at all") is not { } given) return null;
        if (YamlFields.Of(given, errors, "ca", "certificate", "key", "serverName") is not { } fields) return null;
        string? authority = Path(fields, "ca", "name the file of the authority that issued the receiver's certificate", errors);
        string? certificate = Path(fields, "certificate", "name the file of the certificate that the agent shows", errors);
        string? key = Path(fields, "key", "name the file of the certificate's private key", errors);
        string? name = ServerName(fields, errors);
        return authority is null || certificate is null || key is null || name is null
            ? null
            : new OffHostTls(authority, certificate, key, name);
    }

    /// <summary>A relative path would depend on where the agent was started.</summary>
    private static string? Path(YamlFields fields, string key, string mend, PolicyErrors errors)
    {
        YamlNode? node = fields.Required(key, mend);
        if (fields.Text(node) is not { } text) return null;
        if (text.StartsWith('/')) return text;
        errors.Add(node!, $"must be a path from / on, is {YamlPath.Quote(text)}");
        return null;
    }

    private static string? ServerName(YamlFields fields, PolicyErrors errors)
    {
        YamlNode? node = fields.Required("serverName", "give the name that the receiver's certificate bears");
        if (fields.Text(node) is not { } text) return null;
        if (Uri.CheckHostName(text) is UriHostNameType.Dns or UriHostNameType.IPv4 or UriHostNameType.IPv6) return text;
        errors.Add(node!, $"must be a DNS name or an address, is {YamlPath.Quote(text)}");
        return null;
    }
}
