import NIOCore
import NIOHTTP2

/// The bytes of one stream of HTTP/2 as a channel: what comes and goes in its DATA frames (RFC 9113, section 8.5;
/// RFC 8441, section 5). The end of the stream is the end of the input; a reset breaks the channel.
///
/// It is a channel because TLS and HTTP/2 inside of a tunnel are handlers, which take no other place than a pipeline.
///
/// Confined to its loop. It is the stream's only reader and writer from here on.
final class HTTP2Tunnel: Channel, ChannelCore, @unchecked Sendable {
    let eventLoop: any EventLoop
    let allocator = ByteBufferAllocator()
    private let stream: HTTP2Stream
    private let loop: LoopContext
    /// What the peer is told when the tunnel breaks.
    private let brokenCode: HTTP2ErrorCode
    private let closePromise: EventLoopPromise<Void>
    private(set) lazy var pipeline = ChannelPipeline(channel: self)
    private(set) var isActive = true
    private var isReading = false
    private var isSending = false
    private var inputEnded = false
    private var outputEnded = false
    private var endPromises: [EventLoopPromise<Void>] = []

    private init(_ stream: HTTP2Stream, on loop: LoopContext, _ brokenCode: HTTP2ErrorCode) {
        self.stream = stream
        self.loop = loop
        self.brokenCode = brokenCode
        eventLoop = loop.eventLoop
        closePromise = loop.eventLoop.makePromise()
    }

    /// Takes over a stream on which the request and the response that open the tunnel have gone by, or are about to.
    ///
    /// - Parameter brokenBy: what resets the stream when the tunnel is closed before its end.
    static func open(
        _ stream: HTTP2Stream,
        on loop: LoopContext,
        brokenBy code: HTTP2ErrorCode = .cancel
    ) throws -> ByteStream {
        let tunnel = HTTP2Tunnel(stream, on: loop, code)
        let bytes = try ByteStream.open(on: tunnel)
        let tell = stream.onFailure
        stream.onFailure = { failure in
            tell?(failure)
            tunnel.fail(failure)
        }
        loop.watch(bytes)
        return bytes
    }

    // MARK: Input

    func read0() {
        guard isActive, !isReading, !inputEnded else { return }
        isReading = true
        loop.start { await self.readNext() }
    }

    private func readNext() async {
        let next = stream.hasInbound || !stream.inputEnded ? await stream.next(isAwaited: false) : .end
        isReading = false
        guard isActive else { return }
        switch next {
        case .data(let bytes):
            pipeline.fireChannelRead(bytes)
        case .headers:
            // No other frames than DATA belong to a tunnel (RFC 9113, section 8.5).
            stream.reset(.protocolError)
            return fail(.reset(.protocolError))
        case .end, nil:
            if let failure = stream.failure { return fail(failure) }
            inputEnded = true
            pipeline.fireUserInboundEventTriggered(ChannelEvent.inputClosed)
        }
        pipeline.fireChannelReadComplete()
    }

    private func fail(_ failure: HTTP2Failure) {
        guard isActive else { return }
        pipeline.fireErrorCaught(failure)
        close0(error: failure, mode: .all, promise: nil)
    }

    // MARK: Output

    var isWritable: Bool { stream.isWritable }

    func write0(_ data: NIOAny, promise: EventLoopPromise<Void>?) {
        guard let bytes = tryUnwrapData(data, as: ByteBuffer.self), isActive, !outputEnded else {
            promise?.fail(ChannelError.ioOnClosedChannel)
            return
        }
        if bytes.readableBytes > 0 { stream.write(bytes, isLast: false) }
        promise?.succeed()
    }

    func flush0() {
        stream.send()
        if !isWritable || outputEnded { sendWaiting() }
    }

    /// Waits for the peer to take what was written, once for all who want to know.
    private func sendWaiting() {
        guard !isSending else { return }
        isSending = true
        loop.start {
            await self.stream.flush()
            if self.outputEnded { await self.stream.drain() }
            self.isSending = false
            self.pipeline.fireChannelWritabilityChanged()
            if self.outputEnded { self.tellEnd() }
        }
    }

    private func tellEnd() {
        let promises = endPromises
        endPromises = []
        for promise in promises { promise.succeed() }
    }

    // MARK: The end

    /// `.output` succeeds when all has gone out. Closing both ways while one is open resets the stream.
    func close0(error: any Error, mode: CloseMode, promise: EventLoopPromise<Void>?) {
        guard isActive else {
            promise?.fail(ChannelError.alreadyClosed)
            return
        }
        switch mode {
        case .output:
            endOutput()
            if let promise { endPromises.append(promise) }
            flush0()
        case .input:
            promise?.fail(ChannelError.operationUnsupported)
        case .all:
            isActive = false
            stream.reset(outputEnded ? .noError : brokenCode)
            promise?.succeed()
            eventLoop.assumeIsolated().execute { self.becomeInactive() }
        }
    }

    private func endOutput() {
        guard !outputEnded else { return }
        outputEnded = true
        stream.write(ByteBuffer(), isLast: true)
    }

    private func becomeInactive() {
        tellEnd()
        pipeline.fireChannelInactive()
        removeHandlers(pipeline: pipeline)
        closePromise.succeed()
    }

    func errorCaught0(error: any Error) {}
    func channelRead0(_ data: NIOAny) {}
}

extension HTTP2Tunnel: TakenBytes.Counter {
    /// The windows are open only as far as the peer takes what comes.
    var takenBytes: UInt64 { stream.sentCount }
}

// MARK: - What a channel has besides

extension HTTP2Tunnel: NIOSynchronousChannelOptions {
    var closeFuture: EventLoopFuture<Void> { closePromise.futureResult }
    var _channelCore: any ChannelCore { self }
    var parent: (any Channel)? { nil }
    var localAddress: SocketAddress? { nil }
    var remoteAddress: SocketAddress? { nil }
    var syncOptions: (any NIOSynchronousChannelOptions)? { self }

    func localAddress0() throws -> SocketAddress { throw ChannelError.operationUnsupported }
    func remoteAddress0() throws -> SocketAddress { throw ChannelError.operationUnsupported }
    func register0(promise: EventLoopPromise<Void>?) { promise?.fail(ChannelError.operationUnsupported) }
    func bind0(to: SocketAddress, promise: EventLoopPromise<Void>?) {
        promise?.fail(ChannelError.operationUnsupported)
    }
    func connect0(to: SocketAddress, promise: EventLoopPromise<Void>?) {
        promise?.fail(ChannelError.operationUnsupported)
    }
    func triggerUserOutboundEvent0(_ event: Any, promise: EventLoopPromise<Void>?) {
        promise?.fail(ChannelError.operationUnsupported)
    }

    /// As with the connections themselves: reads are asked for, and the end of the input is not the end.
    func getOption<Option: ChannelOption>(_ option: Option) throws -> Option.Value {
        let value: Any? =
            switch option {
            case is ChannelOptions.Types.AutoReadOption: false
            case is ChannelOptions.Types.AllowRemoteHalfClosureOption: true
            default: nil
            }
        guard let value = value as? Option.Value else { throw ChannelError.operationUnsupported }
        return value
    }

    func setOption<Option: ChannelOption>(_ option: Option, value: Option.Value) throws {
        throw ChannelError.operationUnsupported
    }

    func getOption<Option: ChannelOption>(_ option: Option) -> EventLoopFuture<Option.Value> {
        eventLoop.makeFailedFuture(ChannelError.operationUnsupported)
    }

    func setOption<Option: ChannelOption>(_ option: Option, value: Option.Value) -> EventLoopFuture<Void> {
        eventLoop.makeFailedFuture(ChannelError.operationUnsupported)
    }
}
