import AddonProtocol
import NIOCore
import NIOHPACK
import Testing

@testable import ProxyCodecs
@testable import ProxyCore

/// The other end of an HTTP/2 connection (RFC 9113), frame by frame, with any mistake that a test needs.
final class ScriptedHTTP2Peer: @unchecked Sendable {
    struct Frame {
        enum Kind: UInt8 {
            case data, headers, priority, rstStream, settings, pushPromise, ping, goAway, windowUpdate, continuation
        }

        var kind: Kind
        var flags: UInt8 = 0
        var stream = 0
        var payload = ByteBuffer()

        static let endStream: UInt8 = 0x1
        static let acknowledgement: UInt8 = 0x1
        static let endHeaders: UInt8 = 0x4

        var endsStream: Bool { flags & Self.endStream != 0 }
        var isAcknowledgement: Bool { flags & Self.acknowledgement != 0 }
        var text: String { String(buffer: payload) }
        /// Its four-byte integers: the error of RST_STREAM, the last stream and the error of GOAWAY.
        var numbers: [UInt32] {
            var (rest, numbers) = (payload, [UInt32]())
            while let number: UInt32 = rest.readInteger() { numbers.append(number) }
            return numbers
        }
    }

    enum Code {
        static let noError: UInt32 = 0x0
        static let protocolError: UInt32 = 0x1
        static let cancel: UInt32 = 0x8
        static let refusedStream: UInt32 = 0x7
        static let compressionError: UInt32 = 0x9
        static let enhanceYourCalm: UInt32 = 0xb
    }

    let wire: Wire
    private var encoder = HPACKEncoder(allocator: ByteBufferAllocator())
    private var decoder = HPACKDecoder(allocator: ByteBufferAllocator())

    init(_ wire: Wire) {
        self.wire = wire
    }

    // MARK: Writing

    /// Sends a client's preface.
    func sendPreface(_ settings: [(UInt16, UInt32)] = []) {
        wire.send("PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n")
        send(settings)
    }

    /// Sends a server's preface, or SETTINGS at any time.
    func send(_ settings: [(UInt16, UInt32)]) {
        var payload = ByteBuffer()
        for (name, value) in settings { payload.writeMultipleIntegers(name, value) }
        send(Frame(kind: .settings, payload: payload))
    }

    func send(_ frame: Frame) { wire.send(bytes(of: frame)) }

    func bytes(of frame: Frame) -> ByteBuffer {
        var bytes = ByteBuffer()
        let length = frame.payload.readableBytes
        bytes.writeMultipleIntegers(UInt8(length >> 16), UInt16(truncatingIfNeeded: length), frame.kind.rawValue)
        bytes.writeMultipleIntegers(frame.flags, UInt32(frame.stream))
        bytes.writeImmutableBuffer(frame.payload)
        return bytes
    }

    func block(_ fields: HPACKHeaders) throws -> ByteBuffer {
        var block = ByteBuffer()
        try encoder.encode(headers: fields, to: &block)
        return block
    }

    func send(_ fields: HPACKHeaders, on stream: Int, isLast: Bool = true) throws {
        let flags = Frame.endHeaders | (isLast ? Frame.endStream : 0)
        send(Frame(kind: .headers, flags: flags, stream: stream, payload: try block(fields)))
    }

    func send(_ data: String, on stream: Int, isLast: Bool = false) {
        let flags = isLast ? Frame.endStream : 0
        send(Frame(kind: .data, flags: flags, stream: stream, payload: ByteBuffer(string: data)))
    }

    func send(_ kind: Frame.Kind, _ numbers: [UInt32], on stream: Int = 0) {
        var payload = ByteBuffer()
        for number in numbers { payload.writeInteger(number) }
        send(Frame(kind: kind, stream: stream, payload: payload))
    }

    /// A GET that begins a client's stream.
    static func request(_ path: String, method: String = "GET") -> HPACKHeaders {
        [":method": method, ":scheme": "http", ":authority": "a.test", ":path": path]
    }

    // MARK: Reading

    /// The next frame; SETTINGS are acknowledged, so that they take effect.
    func next() async throws -> Frame {
        while true {
            var head = try await wire.read(HTTP2FrameHead.count)
            guard
                let (high, low, kind, flags, stream) = head.readMultipleIntegers(
                    as: (UInt8, UInt16, UInt8, UInt8, UInt32).self
                )
            else { continue }
            let payload = try await wire.read(Int(high) << 16 | Int(low))
            guard let kind = Frame.Kind(rawValue: kind) else { continue }
            let frame = Frame(kind: kind, flags: flags, stream: Int(stream), payload: payload)
            if kind == .settings, !frame.isAcknowledgement {
                send(Frame(kind: .settings, flags: Frame.acknowledgement))
            }
            return frame
        }
    }

    /// The next frame of this kind; frames before it are skipped, but not the end of the connection.
    func next(_ kind: Frame.Kind) async throws -> Frame {
        while true {
            let frame = try await next()
            if frame.kind == kind { return frame }
            if frame.kind == .goAway { throw Wire.Ended(text: "GOAWAY \(frame.numbers)") }
        }
    }

    /// The next head, or trailers, with its stream.
    func nextFields() async throws -> (fields: HPACKHeaders, frame: Frame) {
        var frame = try await next(.headers)
        return (try decoder.decodeHeaders(from: &frame.payload), frame)
    }

    /// The fields of a frame that has a whole block, as `name: value, …`.
    func text(of frame: Frame) throws -> String {
        var payload = frame.payload
        return try decoder.decodeHeaders(from: &payload).map { "\($0.name): \($0.value)" }.joined(separator: ", ")
    }

    /// Waits until all that was sent before has been read.
    func hasBeenRead() async throws {
        send(Frame(kind: .ping, payload: ByteBuffer(repeating: 7, count: 8)))
        while true {
            let answer = try await next(.ping)
            if answer.isAcknowledgement { return }
        }
    }

    /// Begins as a server.
    ///
    /// - Returns: the client's SETTINGS.
    func takePreface(_ settings: [(UInt16, UInt32)] = []) async throws -> Frame {
        let preface = try await wire.read(24)
        #expect(String(buffer: preface).hasPrefix("PRI * HTTP/2.0"))
        send(settings)
        return try await next()
    }
}
