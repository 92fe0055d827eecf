namespace HostAgent.Policy;

/// <summary>
/// The policy's <c>sensor.offHost.tls</c>: who the two ends of an encrypted stream are. The files are in PEM.
/// </summary>
/// <param name="Authority">The file of the authorities; one of them has issued the receiver's certificate, whatever the system
/// trusts.</param>
/// <param name="Certificate">The file of the certificate that the agent shows, with what is between it and its authority.</param>
/// <param name="Key">The file of that certificate's private key.</param>
/// <param name="ServerName">The DNS name or address that the receiver's certificate has to bear.</param>
public sealed record OffHostTls(string Authority, string Certificate, string Key, string ServerName);
