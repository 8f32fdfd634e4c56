import AddonProtocol
import NIOCore
import NIOHPACK
import NIOHTTP2
import ProxyCodecs

/// Replaces swift-nio-http2's coding of field blocks, so that fields stay bytes and blocks are read and written whole
/// (RFC 9113, section 4.3).
///
/// The library uses strings for values, and one frame per block. So this handler, between the library and the wire,
/// takes each incoming block out of its frames and gives the library a stand-in with just the fields that its states
/// depend on. On the way out, it replaces each stand-in with the stream's real block, in as many frames as needed.
/// Confined to the loop.
final class HTTP2FieldBlocks: ChannelDuplexHandler {
    typealias InboundIn = ByteBuffer
    typealias InboundOut = ByteBuffer
    typealias OutboundIn = ByteBuffer
    typealias OutboundOut = ByteBuffer

    private unowned let connection: HTTP2Connection
    private var context: ChannelHandlerContext?
    private let limits: HeadLimits
    private var decoder = FieldBlockDecoder()
    private var encoder = FieldBlockEncoder()

    private var unread = ByteBuffer()
    /// How many of the next bytes pass through unchanged.
    private var passing: Int
    private var partial: PartialBlock?
    /// The block whose stand-in the library is reading.
    private(set) var arrived: FieldBlock?
    private var isDiscarding = false
    private var budget = HTTP2FrameBudget()

    /// How many of the next bytes written belong to a frame that has already begun.
    private var owed: Int
    /// Table sizes of settings that are not yet acknowledged; nil for settings without one.
    private var tableSizes = CircularBuffer<Int?>()

    init(_ mode: NIOHTTP2Handler.ParserMode, of connection: HTTP2Connection, _ limits: HeadLimits) {
        self.connection = connection
        self.limits = limits
        passing = mode == .server ? Self.prefaceCount : 0
        owed = mode == .client ? Self.prefaceCount : 0
    }

    /// The length of the connection preface (RFC 9113, section 3.4).
    private static let prefaceCount = 24

    func handlerAdded(context: ChannelHandlerContext) {
        self.context = context
    }

    func handlerRemoved(context: ChannelHandlerContext) {
        self.context = nil
    }

    /// Drops all further input.
    func discardInput() {
        isDiscarding = true
        unread = ByteBuffer()
        partial = nil
    }

    // MARK: Incoming

    func channelRead(context: ChannelHandlerContext, data: NIOAny) {
        guard !isDiscarding else { return }
        var bytes = Self.unwrapInboundIn(data)
        if unread.readableBytes == 0 { unread = bytes } else { unread.writeBuffer(&bytes) }
        do {
            try parse(context)
            connection.noteHead(isComing: partial != nil || unread.readableBytes > 0)
        } catch {
            connection.breakOff(error)
        }
    }

    private func parse(_ context: ChannelHandlerContext) throws(HTTP2Breach) {
        var passed = 0
        while !isDiscarding {
            if passing > 0 {
                let count = min(passing, unread.readableBytes - passed)
                passed += count
                passing -= count
            }
            guard passing == 0, let frame = HTTP2FrameHead(unread, at: passed) else { break }
            guard frame.length <= HTTP2FrameHead.initialLimit else { throw tooLarge(frame, at: passed) }
            guard frame.isPartOfBlock || frame.isSettings || partial != nil else {
                if frame.isBare { try budget.spend() }
                if frame.isData {
                    guard let isEmpty = frame.isWithoutData(unread, at: passed) else { break }
                    try budget.note(dataIsEmpty: isEmpty && !frame.endsStream)
                    connection.acknowledge(frame.length)
                }
                passing = frame.size
                continue
            }
            guard unread.readableBytes - passed >= frame.size else { break }
            if frame.isSettings, partial == nil {
                noteTableSize(frame, at: passed)
                passing = frame.size
            } else {
                pass(passed, context)
                passed = 0
                // The bytes passed on may have ended the connection.
                if !isDiscarding { try take(frame, context) }
            }
        }
        pass(passed, context)
    }

    private func tooLarge(_ frame: HTTP2FrameHead, at offset: Int) -> HTTP2Breach {
        if unread.readableBytesView.dropFirst(offset).starts(with: "HTTP/1.".utf8) {
            return HTTP2Breach(.protocolError, "it answered in HTTP/1")
        }
        return HTTP2Breach(.frameSizeError, "a frame of \(frame.length) bytes")
    }

    private func pass(_ count: Int, _ context: ChannelHandlerContext) {
        guard count > 0, let bytes = unread.readSlice(length: count) else { return }
        context.fireChannelRead(Self.wrapInboundOut(bytes))
    }

    private func noteTableSize(_ frame: HTTP2FrameHead, at offset: Int) {
        guard !frame.isAcknowledgement else { return }
        var size: Int?
        if var payload = unread.getSlice(at: unread.readerIndex + offset + HTTP2FrameHead.count, length: frame.length) {
            while let (name, value) = payload.readMultipleIntegers(as: (UInt16, UInt32).self) {
                if name == 1 { size = Int(value) }
            }
        }
        tableSizes.append(size)
    }

    private func take(_ frame: HTTP2FrameHead, _ context: ChannelHandlerContext) throws(HTTP2Breach) {
        guard var payload = unread.readSlice(length: frame.size) else { return }
        payload.moveReaderIndex(forwardBy: HTTP2FrameHead.count)
        if var block = partial {
            partial = nil
            try block.add(frame, payload, limits)
            partial = block
        } else {
            partial = try PartialBlock(frame, payload)
        }
        guard frame.endsBlock, let block = partial else { return }
        partial = nil
        let decoded: FieldBlock
        do {
            decoded = try block.fragment.withUnsafeReadableBytes { bytes throws(FieldBlockDecoder.Malformed) in
                try decoder.decode(bytes, limits)
            }
        } catch {
            throw HTTP2Breach(.compressionError, error.reason)
        }
        guard !connection.hasEnded(block.streamID) else {
            try budget.spend()
            return context.fireChannelRead(Self.wrapInboundOut(Self.excess(on: block.streamID)))
        }
        budget.earnBlock()
        arrived = decoded
        context.fireChannelRead(Self.wrapInboundOut(Self.standIn(for: block, decoded.fields)))
        arrived = nil
    }

    /// Stands in for a block on a stream that the peer has ended. For DATA, the library reports STREAM_CLOSED, as it
    /// should for any frame; for HEADERS, it would report PROTOCOL_ERROR.
    private static func excess(on streamID: UInt32) -> ByteBuffer {
        var bytes = ByteBuffer()
        HTTP2FrameHead(emptyDataOn: streamID).write(to: &bytes)
        return bytes
    }

    private static func standIn(for block: PartialBlock, _ fields: HeaderFields) -> ByteBuffer {
        let content = fields.first(":status").map { $0.first == UInt8(ascii: "1") ? interim : final } ?? other
        var bytes = ByteBuffer()
        bytes.reserveCapacity(HTTP2FrameHead.count + content.count)
        HTTP2FrameHead(headersOf: block.streamID, length: content.count, endsStream: block.endsStream).write(to: &bytes)
        bytes.writeBytes(content)
        return bytes
    }

    /// `:method: GET`, `:status: 200`, and `:status: 100`, which is not in the static table.
    private static let other: [UInt8] = [0x82]
    private static let final: [UInt8] = [0x88]
    private static let interim: [UInt8] = [0x08, 3, 0x31, 0x30, 0x30]

    // MARK: Outgoing

    /// A stand-in with the fields that the library's states depend on when it sends a head.
    static func standIn(for fields: HeaderFields) -> HPACKHeaders {
        FieldBlock.isInterim(fields) ? interimStandIn : otherStandIn
    }

    private static let interimStandIn: HPACKHeaders = [":status": "100"]
    private static let otherStandIn: HPACKHeaders = [":status": "200"]

    func write(context: ChannelHandlerContext, data: NIOAny, promise: EventLoopPromise<Void>?) {
        let bytes = Self.unwrapOutboundIn(data)
        guard owed == 0, let frame = HTTP2FrameHead(bytes, at: 0) else {
            owed = max(0, owed - bytes.readableBytes)
            return context.write(data, promise: promise)
        }
        if frame.isHeaders { return writeBlock(of: frame, context, promise) }
        owed = max(0, frame.size - bytes.readableBytes)
        if frame.isData { budget.earn(dataOf: frame.length) }
        if frame.isGoAway { return writeGoAway(bytes, context, promise) }
        context.write(data, promise: promise)
        if frame.isSettings, frame.isAcknowledgement, let size = tableSizes.popFirst() ?? nil {
            encoder.limitTable(to: size)
        }
    }

    /// Corrects the last stream id. The library does not know which stream may have been acted on, and sends the
    /// highest id or 0.
    private func writeGoAway(
        _ frame: ByteBuffer,
        _ context: ChannelHandlerContext,
        _ promise: EventLoopPromise<Void>?
    ) {
        var frame = frame
        frame.setInteger(connection.lastTaken, at: frame.readerIndex + HTTP2FrameHead.count)
        context.write(Self.wrapOutboundOut(frame), promise: promise)
    }

    /// Tells the peer its last stream that may have been acted on (RFC 9113, section 6.8).
    ///
    /// Bypasses the library, which would treat DATA on later, refused streams as a connection error.
    func sendGoAway(_ code: HTTP2ErrorCode) {
        guard let context else { return }
        let bytes = HTTP2FrameHead.goAway(after: connection.lastTaken, code: UInt32(code.networkCode))
        context.writeAndFlush(Self.wrapOutboundOut(bytes), promise: nil)
    }

    private func writeBlock(
        of frame: HTTP2FrameHead,
        _ context: ChannelHandlerContext,
        _ promise: EventLoopPromise<Void>?
    ) {
        // A stream that was abandoned with its connection has none.
        guard let fields = connection.takeHead(of: frame.streamID) else {
            promise?.fail(ChannelError.ioOnClosedChannel)
            return
        }
        let block = encoder.encode(fields)
        var bytes = context.channel.allocator.buffer(capacity: HTTP2FrameHead.count + block.count)
        HTTP2FrameHead.write(block, on: frame.streamID, endsStream: frame.endsStream, to: &bytes)
        context.write(Self.wrapOutboundOut(bytes), promise: promise)
    }
}

/// A field block that is not complete yet.
private struct PartialBlock {
    let streamID: UInt32
    let endsStream: Bool
    private(set) var fragment: ByteBuffer
    private var frames = 1

    /// Takes the fragment of a HEADERS frame.
    init(_ frame: HTTP2FrameHead, _ payload: ByteBuffer) throws(HTTP2Breach) {
        guard frame.isHeaders else {
            throw HTTP2Breach(.protocolError, "an unexpected CONTINUATION frame")
        }
        streamID = frame.streamID
        endsStream = frame.endsStream
        fragment = payload
        let padding = frame.isPadded ? Int(fragment.readInteger(as: UInt8.self) ?? .max) : 0
        // Priorities no longer have a meaning (RFC 9113, section 5.3.2).
        let priority = frame.hasPriority ? 5 : 0
        guard fragment.readableBytes >= padding + priority else {
            throw HTTP2Breach(.protocolError, "a HEADERS frame that is shorter than its padding")
        }
        fragment.moveReaderIndex(forwardBy: priority)
        fragment.moveWriterIndex(to: fragment.writerIndex - padding)
    }

    /// Appends the fragment of a CONTINUATION frame.
    mutating func add(_ frame: HTTP2FrameHead, _ payload: ByteBuffer, _ limits: HeadLimits) throws(HTTP2Breach) {
        guard frame.isContinuation, frame.streamID == streamID else {
            throw HTTP2Breach(.protocolError, "another frame within a field block")
        }
        frames += 1
        guard frames <= limits.fieldBlockFrames,
            fragment.readableBytes + payload.readableBytes <= limits.headerListBytes
        else { throw HTTP2Breach(.enhanceYourCalm, "a field block that does not end") }
        fragment.writeImmutableBuffer(payload)
    }
}

extension HeadLimits {
    /// The most HEADERS and CONTINUATION frames for one field block, allowing for frames that are not full.
    fileprivate var fieldBlockFrames: Int {
        headerListBytes / HTTP2FrameHead.initialLimit + Limits.http2ContinuationFrames
    }
}
