import AddonProtocol
import NIOCore
import NIOHPACK
import NIOHTTP2
import ProxyCodecs

/// Stands between swift-nio-http2 and the wire, and has the field blocks pass it by as bytes, whole (RFC 9113, section 4.3).
///
/// The library has strings for values, and one frame for a block. So each block that comes is taken out of its frames, and
/// the library gets a stand-in that says as much as its states depend on; and each of the library's stand-ins is replaced by
/// the block of the stream, in as many frames as it needs. Confined to the loop.
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
    /// How many of the next bytes belong to what is passed on as it is.
    private var passing: Int
    private var partial: PartialBlock?
    /// The block of the frame that is being passed on.
    private(set) var arrived: FieldBlock?
    private var isDiscarding = false
    private var budget = HTTP2FrameBudget()

    /// How many of the next bytes written belong to a frame that has begun.
    private var owed: Int
    /// Table sizes of settings that have not been acknowledged yet; nil where they say none.
    private var tableSizes = CircularBuffer<Int?>()

    init(_ mode: NIOHTTP2Handler.ParserMode, of connection: HTTP2Connection, _ limits: HeadLimits) {
        self.connection = connection
        self.limits = limits
        passing = mode == .server ? Self.prefaceCount : 0
        owed = mode == .client ? Self.prefaceCount : 0
    }

    /// RFC 9113, section 3.4.
    private static let prefaceCount = 24

    func handlerAdded(context: ChannelHandlerContext) {
        self.context = context
    }

    func handlerRemoved(context: ChannelHandlerContext) {
        self.context = nil
    }

    /// Takes no notice of what still comes.
    func discardInput() {
        isDiscarding = true
        unread = ByteBuffer()
        partial = nil
    }

    // MARK: In

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
                // What was passed on may have ended the connection.
                if !isDiscarding { try take(frame, context) }
            }
        }
        pass(passed, context)
    }

    private func tooLarge(_ frame: HTTP2FrameHead, at offset: Int) -> HTTP2Breach {
        if unread.readableBytesView.dropFirst(offset).starts(with: "HTTP/1.".utf8) {
            return HTTP2Breach(.protocolError, "it answers in HTTP/1")
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

    /// What stands in for a block on a stream that the peer has ended: of DATA there the library says what is due of any
    /// frame, STREAM_CLOSED; of HEADERS it would say PROTOCOL_ERROR.
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

    /// `:method: GET`, `:status: 200`, and a `:status: 100`, which the static table does not have.
    private static let other: [UInt8] = [0x82]
    private static let final: [UInt8] = [0x88]
    private static let interim: [UInt8] = [0x08, 3, 0x31, 0x30, 0x30]

    // MARK: Out

    /// What the library's states depend on of a head that is to be sent.
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

    /// The library does not know which stream was the last that may have been acted on: it says the largest there is, or none.
    private func writeGoAway(
        _ frame: ByteBuffer,
        _ context: ChannelHandlerContext,
        _ promise: EventLoopPromise<Void>?
    ) {
        var frame = frame
        frame.setInteger(connection.lastTaken, at: frame.readerIndex + HTTP2FrameHead.count)
        context.write(Self.wrapOutboundOut(frame), promise: promise)
    }

    /// Tells the peer which of its streams was the last that may have been acted on (RFC 9113, section 6.8).
    ///
    /// The library is not told: it would take DATA on later streams, which are refused, for an error of the connection.
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
        // There is none for a stream that was given up with its connection.
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

/// A field block of which frames are still to come.
private struct PartialBlock {
    let streamID: UInt32
    let endsStream: Bool
    private(set) var fragment: ByteBuffer
    private var frames = 1

    init(_ frame: HTTP2FrameHead, _ payload: ByteBuffer) throws(HTTP2Breach) {
        guard frame.isHeaders else {
            throw HTTP2Breach(.protocolError, "a CONTINUATION frame that continues nothing")
        }
        streamID = frame.streamID
        endsStream = frame.endsStream
        fragment = payload
        let padding = frame.isPadded ? Int(fragment.readInteger(as: UInt8.self) ?? .max) : 0
        // The priority has no meaning any more (RFC 9113, section 5.3.2).
        let priority = frame.hasPriority ? 5 : 0
        guard fragment.readableBytes >= padding + priority else {
            throw HTTP2Breach(.protocolError, "a HEADERS frame that is shorter than its padding")
        }
        fragment.moveReaderIndex(forwardBy: priority)
        fragment.moveWriterIndex(to: fragment.writerIndex - padding)
    }

    mutating func add(_ frame: HTTP2FrameHead, _ payload: ByteBuffer, _ limits: HeadLimits) throws(HTTP2Breach) {
        guard frame.isContinuation, frame.streamID == streamID else {
            throw HTTP2Breach(.protocolError, "a frame within a field block")
        }
        frames += 1
        guard frames <= limits.fieldBlockFrames,
            fragment.readableBytes + payload.readableBytes <= limits.headerListBytes
        else { throw HTTP2Breach(.enhanceYourCalm, "a field block that does not end") }
        fragment.writeImmutableBuffer(payload)
    }
}

extension HeadLimits {
    /// HEADERS and CONTINUATION frames that one field block may have: more than those that are full.
    fileprivate var fieldBlockFrames: Int {
        headerListBytes / HTTP2FrameHead.initialLimit + Limits.http2ContinuationFrames
    }
}
