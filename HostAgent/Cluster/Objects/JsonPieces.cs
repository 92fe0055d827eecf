using System.Buffers;
using System.Text.Json;

namespace HostAgent.Cluster;

/// <summary>
/// Cuts a stream of JSON into the pieces that are worth reading, each in one span, whatever the sizes in which it arrives: the values of
/// a watch, or the items and the metadata of a list. Only one piece is in memory at a time, in a pooled buffer, and no byte but those of
/// a token that was cut is looked at twice.
/// </summary>
internal sealed class JsonPieces : IDisposable
{
    /// <summary>etcd takes no object of more than 1.5 MiB; as JSON it may be some times larger.</summary>
    private const int LargestPiece = 16 << 20;

    private const int FirstBuffer = 16 << 10;

    private readonly Stream _stream;
    private readonly bool _ofList;
    private byte[] _buffer = ArrayPool<byte>.Shared.Rent(FirstBuffer);
    private JsonReaderState _state = new(new JsonReaderOptions { AllowMultipleValues = true });
    private JsonPieceKind _property;
    private int _piece = -1;
    private int _scanned;
    private int _end;
    private int _depth;

    /// <param name="stream">Not disposed here.</param>
    /// <param name="ofList">Items and metadata of the list in it, rather than its values whole.</param>
    public JsonPieces(Stream stream, bool ofList)
    {
        _stream = stream;
        _ofList = ofList;
    }

    /// <summary>The kind of <see cref="Current"/>.</summary>
    public JsonPieceKind Kind { get; private set; }

    /// <summary>The JSON text of the piece; valid until the next is asked for.</summary>
    public ReadOnlyMemory<byte> Current { get; private set; }

    /// <summary>True once a value of the stream was read to its end.</summary>
    public bool Complete { get; private set; }

    /// <returns>False at the end of the stream.</returns>
    /// <exception cref="JsonException">It is not JSON.</exception>
    /// <exception cref="EndOfStreamException">It ended inside a value.</exception>
    /// <exception cref="InvalidDataException">A piece is too large.</exception>
    public async ValueTask<bool> NextAsync(CancellationToken cancellation)
    {
        while (!Scan())
        {
            MakeRoom();
            int read = await _stream.ReadAsync(_buffer.AsMemory(_end), cancellation);
            if (read == 0)
            {
                if (_depth > 0 || _piece >= 0 || !_buffer.AsSpan(_scanned.._end).Trim(" \t\r\n"u8).IsEmpty)
                    throw new EndOfStreamException("the answer was cut off inside a value");
                return false;
            }

            _end += read;
        }

        return true;
    }

    public void Dispose()
    {
        byte[] buffer = _buffer;
        _buffer = [];
        if (buffer.Length > 0) ArrayPool<byte>.Shared.Return(buffer);
    }

    private bool Scan()
    {
        int from = _scanned;
        var json = new Utf8JsonReader(_buffer.AsSpan(from.._end), isFinalBlock: false, _state);
        while (json.Read())
        {
            bool found = Token(ref json, from + (int)json.TokenStartIndex, from + (int)json.BytesConsumed);
            if (!found) continue;
            Leave(ref json, from);
            return true;
        }

        Leave(ref json, from);
        return false;
    }

    private void Leave(ref Utf8JsonReader json, int from)
    {
        _scanned = from + (int)json.BytesConsumed;
        _state = json.CurrentState;
        _depth = json.CurrentDepth;
        if (json.TokenType is JsonTokenType.StartObject or JsonTokenType.StartArray) _depth++;
    }

    /// <returns>True when a piece ends with this token.</returns>
    private bool Token(ref Utf8JsonReader json, int start, int end)
    {
        int depth = json.CurrentDepth;
        if (depth == 1 && json.TokenType == JsonTokenType.PropertyName)
        {
            _property = json.ValueTextEquals("items"u8) ? JsonPieceKind.Item
                : json.ValueTextEquals("metadata"u8) ? JsonPieceKind.Metadata
                : JsonPieceKind.Value;
            return false;
        }

        bool ofInterest = _ofList ? (_property, depth) is (JsonPieceKind.Item, 2) or (JsonPieceKind.Metadata, 1) : depth == 0;
        if (ofInterest && json.TokenType == JsonTokenType.StartObject) _piece = start;
        bool isEnd = json.TokenType == JsonTokenType.EndObject;
        if (isEnd && depth == 0) Complete = true;
        else if (depth == 0 && json.TokenType != JsonTokenType.StartObject) throw new JsonException("an object was expected");
        if (!ofInterest || !isEnd) return false;
        Kind = _ofList ? _property : JsonPieceKind.Value;
        Current = _buffer.AsMemory(_piece..end);
        _piece = -1;
        return true;
    }

    /// <summary>Moves what is still needed to the front, into a buffer of a size that fits it.</summary>
    private void MakeRoom()
    {
        int keepFrom = _piece >= 0 ? _piece : _scanned;
        int kept = _end - keepFrom;
        if (kept > LargestPiece) throw new InvalidDataException($"one object is larger than {LargestPiece} bytes");
        byte[] target = _buffer;
        // After a rare large object the watch goes back to a small buffer.
        if (kept * 2 > _buffer.Length || (_buffer.Length > FirstBuffer * 8 && kept < FirstBuffer / 2))
            target = ArrayPool<byte>.Shared.Rent(Math.Max(FirstBuffer, kept * 4));
        Buffer.BlockCopy(_buffer, keepFrom, target, 0, kept);
        if (target != _buffer) ArrayPool<byte>.Shared.Return(_buffer);
        _buffer = target;
        _scanned -= keepFrom;
        _end = kept;
        if (_piece >= 0) _piece = 0;
    }
}
