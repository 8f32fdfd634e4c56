import AddonProtocol
import NIOCore

/// A JSON text for an addon, in pieces that are only joined when they are sent.
struct OutgoingFrame {
    var head: [UInt8]
    /// The id of a request, written after the head.
    var id: Int?
    /// Written after the id.
    var method: [UInt8] = []
    /// The params, as an object without its closing brace.
    var members: [UInt8] = []
    /// Begins `_meta` after other members; `end` has what follows its first member.
    var trace: TraceContext?
    var end: ArraySlice<UInt8> = []

    static let metaStart = Array(",\"_meta\":{".utf8)
    private static let traceStart = metaStart + Array("\"traceparent\":\"".utf8)
    private static let traceEnd = Array("\",".utf8)
    private static let traceByteCount = traceStart.count + TraceContext.byteCount + traceEnd.count

    /// The complete text.
    var json: [UInt8] { head + digits.utf8 + method + members + meta }

    /// What follows the members.
    fileprivate var meta: [UInt8] {
        trace.map { Self.traceStart + $0.text + Self.traceEnd + end } ?? Array(end)
    }

    fileprivate var digits: String { id.map { String($0) } ?? "" }

    fileprivate func byteCount(_ digits: String) -> Int {
        let ofTrace = trace == nil ? 0 : Self.traceByteCount
        return head.count + digits.utf8.count + method.count + members.count + ofTrace + end.count
    }

    /// Writes the frame, with its framing.
    func write(into buffer: inout ByteBuffer, _ framing: Framing) {
        var digits = digits
        let byteCount = byteCount(digits)
        if framing == .contentLength { buffer.writeBytes(framing.prefix(byteCount: byteCount)) }
        buffer.writeWithUnsafeMutableBytes(minimumWritableBytes: byteCount + 1) { space in
            var rest = space
            rest.take(head)
            digits.withUTF8 { rest.take($0) }
            rest.take(method)
            rest.take(members)
            if let trace {
                rest.take(Self.traceStart)
                rest.take(trace)
                rest.take(Self.traceEnd)
            }
            end.withUnsafeBytes { rest.take($0) }
            if framing == .lines { rest.take(CollectionOfOne(UInt8(ascii: "\n"))) }
            return space.count - rest.count
        }
    }
}

/// A frame that is copied only as it is sent.
struct LargeFrame {
    private var start: ByteBuffer
    private let members: [UInt8]
    private var sent = 0
    private var end: ByteBuffer

    /// - Parameter before: output to send ahead of it.
    init(_ frame: OutgoingFrame, behind before: ByteBuffer, _ framing: Framing) {
        start = before
        members = frame.members
        end = ByteBuffer(bytes: frame.meta)
        frame.writeStart(into: &start, framing)
        if framing == .lines { end.writeInteger(UInt8(ascii: "\n")) }
    }

    /// The number of unsent bytes.
    var byteCount: Int { start.readableBytes + members.count - sent + end.readableBytes }

    /// The next piece; nil at the end.
    mutating func next(atMost limit: Int) -> ByteBuffer? {
        if let bytes = start.readSlice(length: start.readableBytes), bytes.readableBytes > 0 { return bytes }
        guard sent < members.count else {
            return end.readableBytes > 0 ? end.readSlice(length: end.readableBytes) : nil
        }
        let piece = members[sent..<min(sent + limit, members.count)]
        sent = piece.endIndex
        return ByteBuffer(bytes: piece)
    }
}

extension OutgoingFrame {
    /// Writes what precedes the members.
    fileprivate func writeStart(into buffer: inout ByteBuffer, _ framing: Framing) {
        let digits = digits
        if framing == .contentLength { buffer.writeBytes(framing.prefix(byteCount: byteCount(digits))) }
        buffer.writeBytes(head)
        buffer.writeString(digits)
        buffer.writeBytes(method)
    }
}

extension UnsafeMutableRawBufferPointer {
    fileprivate mutating func take(_ trace: TraceContext) {
        trace.write(into: self)
        self = UnsafeMutableRawBufferPointer(rebasing: self[TraceContext.byteCount...])
    }

    /// Copies to the front, which must have room, and advances.
    fileprivate mutating func take(_ bytes: some Collection<UInt8>) {
        copyBytes(from: bytes)
        self = UnsafeMutableRawBufferPointer(rebasing: self[bytes.count...])
    }
}
