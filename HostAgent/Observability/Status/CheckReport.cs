using System.Buffers;
using System.Text;
using HostAgent.Deciding;

namespace HostAgent.Observability;

/// <summary>Prints what <c>check</c> found.</summary>
public static class CheckReport
{
    /// <param name="output">Where to; drawn as a table when it is the console and a terminal, else in plain aligned lines.</param>
    /// <param name="status">What would be captured.</param>
    /// <param name="json">As one JSON object.</param>
    public static async Task WriteAsync(TextWriter output, AgentStatus status, bool json)
    {
        if (json)
        {
            var buffer = new ArrayBufferWriter<byte>();
            StatusJson.Write(buffer, status, ledger: null);
            await output.WriteLineAsync(Encoding.UTF8.GetString(buffer.WrittenSpan)).ConfigureAwait(false);
            return;
        }

        await CoverageTable.Of(status).WriteAsync(output).ConfigureAwait(false);
    }
}
