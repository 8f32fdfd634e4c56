import NIOCore

@testable import ProxyCodecs
@testable import ProxyCore

/// The other end of a WebSocket connection (RFC 6455), frame by frame.
final class ScriptedWebSocketPeer: @unchecked Sendable {
    let wire: Wire
    private let isClient: Bool
    private var parser: WebSocketFrameParser

    /// - Parameter isClient: whether it masks what it sends, and is sent nothing masked.
    init(_ wire: Wire, isClient: Bool) {
        self.wire = wire
        self.isClient = isClient
        parser = WebSocketFrameParser(sender: isClient ? .server : .client, allowsCompression: true)
    }

    func send(_ opcode: WebSocketFrameHead.Opcode, _ payload: String, isFinal: Bool = true) {
        send(WebSocketFrame(opcode: opcode, isFinal: isFinal, payload: ByteBuffer(string: payload)))
    }

    func send(_ frame: WebSocketFrame) {
        var bytes = ByteBuffer()
        frame.write(into: &bytes, maskedWith: isClient ? WebSocketMask(key: 0x1020_3040) : nil)
        wire.send(bytes)
    }

    func close(_ code: Int, _ reason: String = "") {
        send(WebSocketFrame(opcode: .close, payload: WebSocketClose.payload(code, reason)))
    }

    /// The next frame, whole.
    func next() async throws -> WebSocketFrame {
        var frame: WebSocketFrame?
        while true {
            switch try parser.next(from: &wire.stream.unread) {
            case .control(let control): return control
            case .head(let head):
                frame = WebSocketFrame(
                    opcode: head.opcode,
                    isFinal: head.isFinal,
                    isCompressed: head.isCompressed,
                    payload: ByteBuffer()
                )
            case .payload(let piece, let endsFrame):
                frame?.payload.writeImmutableBuffer(piece)
                if endsFrame, let frame { return frame }
            case nil:
                guard await wire.stream.readMore() else { throw Wire.Ended(text: "frames") }
            }
        }
    }

    /// The next frame: what it is, and its text, or the code of a close frame.
    func nextText() async throws -> String {
        let frame = try await next()
        guard frame.opcode == .close else {
            return "\(frame.opcode)\(frame.isFinal ? "" : "…") \(String(buffer: frame.payload))"
        }
        let close = try WebSocketClose(frame.payload)
        return "close \(close.code.map(Int.init) ?? 0)"
    }
}
