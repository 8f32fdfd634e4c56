import AddonProtocol
import NIOCore

/// One JSON text for an addon, in pieces that are joined only where they are sent.
struct OutgoingFrame {
    var head: [UInt8]
    /// The number of a request, which comes after the head.
    var id: Int?
    /// What comes after the number.
    var method: [UInt8] = []
    /// An object without its closing brace.
    var members: [UInt8] = []
    var end: ArraySlice<UInt8> = []

    /// The whole text.
    var json: [UInt8] { head + digits.utf8 + method + members + end }

    private var digits: String { id.map { String($0) } ?? "" }

    func write(into buffer: inout ByteBuffer, _ framing: Framing) {
        let digits = digits
        let byteCount = head.count + digits.utf8.count + method.count + members.count + end.count
        buffer.reserveCapacity(minimumWritableBytes: byteCount + 1)
        if framing == .contentLength { buffer.writeBytes(framing.prefix(byteCount: byteCount)) }
        buffer.writeBytes(head)
        if id != nil { buffer.writeString(digits) }
        buffer.writeBytes(method)
        buffer.writeBytes(members)
        buffer.writeBytes(end)
        if framing == .lines { buffer.writeInteger(UInt8(ascii: "\n")) }
    }
}
