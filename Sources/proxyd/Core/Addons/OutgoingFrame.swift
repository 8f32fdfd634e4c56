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
        var digits = digits
        let byteCount = head.count + digits.utf8.count + method.count + members.count + end.count
        if framing == .contentLength { buffer.writeBytes(framing.prefix(byteCount: byteCount)) }
        buffer.writeWithUnsafeMutableBytes(minimumWritableBytes: byteCount + 1) { space in
            var rest = space
            rest.take(head)
            digits.withUTF8 { rest.take($0) }
            rest.take(method)
            rest.take(members)
            end.withUnsafeBytes { rest.take($0) }
            if framing == .lines { rest.take(CollectionOfOne(UInt8(ascii: "\n"))) }
            return space.count - rest.count
        }
    }
}

extension UnsafeMutableRawBufferPointer {
    /// Copies to the front, for which there must be room, and goes on behind it.
    fileprivate mutating func take(_ bytes: some Collection<UInt8>) {
        copyBytes(from: bytes)
        self = UnsafeMutableRawBufferPointer(rebasing: self[bytes.count...])
    }
}
