import NIOCore

/// The nine bytes before a frame's payload (RFC 9113, section 4.1).
struct HTTP2FrameHead {
    /// The payload's length, in bytes.
    let length: Int
    private let type: UInt8
    private let flags: UInt8
    let streamID: UInt32

    static let count = 9
    /// The largest payload that every peer accepts: the initial SETTINGS_MAX_FRAME_SIZE.
    static let initialLimit = 1 << 14

    private enum FrameType {
        static let data: UInt8 = 0
        static let headers: UInt8 = 1
        static let settings: UInt8 = 4
        static let goAway: UInt8 = 7
        static let windowUpdate: UInt8 = 8
        static let continuation: UInt8 = 9
    }

    private enum Flag {
        static let endStream: UInt8 = 0x1
        static let acknowledgement: UInt8 = 0x1
        static let endHeaders: UInt8 = 0x4
        static let padded: UInt8 = 0x8
        static let priority: UInt8 = 0x20
    }

    /// Reads a head; nil when it is incomplete.
    init?(_ bytes: ByteBuffer, at offset: Int) {
        let start = bytes.readerIndex + offset
        guard bytes.readableBytes - offset >= Self.count,
            let (high, low, type, flags, streamID) = bytes.getMultipleIntegers(
                at: start,
                as: (UInt8, UInt16, UInt8, UInt8, UInt32).self
            )
        else { return nil }
        length = Int(high) << 16 | Int(low)
        self.type = type
        self.flags = flags
        self.streamID = streamID & 0x7fff_ffff
    }

    private init(type: UInt8, flags: UInt8, streamID: UInt32, length: Int) {
        self.type = type
        self.flags = flags
        self.streamID = streamID
        self.length = length
    }

    /// The head of a HEADERS frame with a complete block.
    init(headersOf streamID: UInt32, length: Int, endsStream: Bool) {
        self.init(
            type: FrameType.headers,
            flags: Flag.endHeaders | (endsStream ? Flag.endStream : 0),
            streamID: streamID,
            length: length
        )
    }

    /// The head of an empty DATA frame.
    init(emptyDataOn streamID: UInt32) {
        self.init(type: FrameType.data, flags: 0, streamID: streamID, length: 0)
    }

    /// The frame's length with its payload, in bytes.
    var size: Int { Self.count + length }
    var isData: Bool { type == FrameType.data }
    var isGoAway: Bool { type == FrameType.goAway }
    /// Whether the frame has no content and may arrive at any time: WINDOW_UPDATE, GOAWAY, and unknown types.
    var isBare: Bool { type == FrameType.windowUpdate || isGoAway || type > FrameType.continuation }
    var isHeaders: Bool { type == FrameType.headers }
    var isContinuation: Bool { type == FrameType.continuation }
    var isPartOfBlock: Bool { isHeaders || isContinuation }
    var isSettings: Bool { type == FrameType.settings }
    var isAcknowledgement: Bool { flags & Flag.acknowledgement != 0 }
    var endsStream: Bool { flags & Flag.endStream != 0 }
    var endsBlock: Bool { flags & Flag.endHeaders != 0 }
    var isPadded: Bool { flags & Flag.padded != 0 }
    var hasPriority: Bool { flags & Flag.priority != 0 }

    /// Whether a DATA frame is empty or contains only padding; nil when that cannot be decided yet.
    func isWithoutData(_ bytes: ByteBuffer, at offset: Int) -> Bool? {
        guard isPadded, length > 0 else { return length == 0 }
        let padding: UInt8? = bytes.getInteger(at: bytes.readerIndex + offset + Self.count)
        return padding.map { Int($0) + 1 >= length }
    }

    /// Writes the nine bytes.
    func write(to bytes: inout ByteBuffer) {
        bytes.writeMultipleIntegers(UInt8(length >> 16), UInt16(truncatingIfNeeded: length), type, flags, streamID)
    }

    /// A GOAWAY frame.
    static func goAway(after last: UInt32, code: UInt32) -> ByteBuffer {
        var bytes = ByteBuffer()
        HTTP2FrameHead(type: FrameType.goAway, flags: 0, streamID: 0, length: 8).write(to: &bytes)
        bytes.writeMultipleIntegers(last, code)
        return bytes
    }

    /// Writes a field block as a HEADERS frame and as many CONTINUATION frames as needed.
    static func write(_ block: [UInt8], on streamID: UInt32, endsStream: Bool, to bytes: inout ByteBuffer) {
        var rest = block[...]
        var type = FrameType.headers
        var flags = endsStream ? Flag.endStream : 0
        repeat {
            let fragment = rest.prefix(initialLimit)
            rest = rest.dropFirst(fragment.count)
            if rest.isEmpty { flags |= Flag.endHeaders }
            HTTP2FrameHead(type: type, flags: flags, streamID: streamID, length: fragment.count).write(to: &bytes)
            bytes.writeBytes(fragment)
            type = FrameType.continuation
            flags = 0
        } while !rest.isEmpty
    }
}
