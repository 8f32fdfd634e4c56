package import NIOCore

/// TLS in a channel's pipeline: ciphertext on the side of the network, plaintext on the other.
///
/// A server's handshake stops at the ClientHello: `clientHello` completes, and then `accept` or `refuse` goes on with
/// it; no more is read from the network meanwhile. A client's handshake starts when the channel is active. `handshake`
/// completes once for either; when it fails the channel is closed, and nothing else is fired but `channelInactive`.
///
/// Plaintext is fired as one buffer for each `channelRead` of ciphertext. What came with the last handshake bytes waits
/// until somebody reads, so a caller who needs to set up its pipeline first turns `autoRead` off. Writes are encrypted at
/// flush and their promises succeed when the ciphertext is written. When the peer's close_notify comes, the channel is
/// closed, or with `ChannelOptions.allowRemoteHalfClosure` fires `ChannelEvent.inputClosed`. An end of the connection
/// without close_notify fires `TLSEvent.inputTruncated` first.
///
/// Errors after the handshake are fired as `TLSError` through `errorCaught`, then the channel is closed.
///
/// Everything but the futures is for the event loop of the channel only.
package final class TLSHandler: ChannelDuplexHandler, RemovableChannelHandler {
    package typealias InboundIn = ByteBuffer
    package typealias InboundOut = ByteBuffer
    package typealias OutboundIn = ByteBuffer
    package typealias OutboundOut = ByteBuffer

    enum State {
        /// Not in an active channel yet.
        case idle
        case handshaking
        /// The ClientHello is known, `accept` or `refuse` is to come.
        case awaitingDecision
        case established
        case closed
    }

    /// How far the peer has ended its side.
    package enum InputState: Sendable, Hashable {
        case open
        /// Ended as TLS wants it: nothing is missing.
        case closeNotify
        /// The connection ended without close_notify: an attacker may have cut the end off.
        case truncated
    }

    enum OutputState {
        case open
        case closed
    }

    /// How long each part of the handshake may take that waits for the peer: up to the ClientHello, and from then on.
    package static let defaultHandshakeTimeout = TimeAmount.seconds(30)
    /// The most bytes written before the end of the handshake.
    package static let earlyWriteLimit = 1 << 20

    /// The client's first message; fails when none comes, and always on the client's side.
    package var clientHello: EventLoopFuture<ClientHello> { clientHelloPromise.futureResult }
    package var handshake: EventLoopFuture<TLSSession> { handshakePromise.futureResult }
    package internal(set) var input = InputState.open

    let connection: TLSConnection
    let clientHelloPromise: EventLoopPromise<ClientHello>
    let handshakePromise: EventLoopPromise<TLSSession>
    let handshakeTimeout: TimeAmount
    var state = State.idle
    var output = OutputState.open
    var context: ChannelHandlerContext?
    var timeout: Scheduled<Void>?
    var pendingWrites = PendingWrites()

    /// Whether the side of the plaintext waits for bytes.
    var isReadRequested = false
    /// Whether plaintext was fired since the last `channelReadComplete`.
    var hasFiredRead = false
    /// Whether bytes that came with the handshake wait for a read.
    var holdsBytes = false

    private init(
        _ connection: TLSConnection,
        on eventLoop: any EventLoop,
        alreadyRead: ByteBuffer?,
        timeout: TimeAmount
    ) {
        self.connection = connection
        clientHelloPromise = eventLoop.makePromise()
        handshakePromise = eventLoop.makePromise()
        handshakeTimeout = timeout
        if let alreadyRead { connection.receive(alreadyRead) }
    }

    /// - Parameter alreadyRead: bytes of the client that were read before this handler came into the pipeline.
    package static func server(
        on eventLoop: any EventLoop,
        alreadyRead: ByteBuffer? = nil,
        handshakeTimeout: TimeAmount = defaultHandshakeTimeout
    ) throws(TLSError) -> TLSHandler {
        TLSHandler(try .server(), on: eventLoop, alreadyRead: alreadyRead, timeout: handshakeTimeout)
    }

    /// Fails when the settings cannot be used: no trusted certificates, no possible host name.
    package static func client(
        _ settings: TLSClientSettings,
        on eventLoop: any EventLoop,
        alreadyRead: ByteBuffer? = nil,
        handshakeTimeout: TimeAmount = defaultHandshakeTimeout
    ) throws(TLSError) -> TLSHandler {
        TLSHandler(try .client(settings), on: eventLoop, alreadyRead: alreadyRead, timeout: handshakeTimeout)
    }

    deinit { failPromises(Self.closedLocally) }

    package func handlerAdded(context: ChannelHandlerContext) {
        self.context = context
        isReadRequested = (try? context.channel.syncOptions?.getOption(.autoRead)) ?? true
        if context.channel.isActive { start(context) }
    }

    package func handlerRemoved(context: ChannelHandlerContext) {
        state = .closed
        timeout?.cancel()
        failPromises(Self.closedLocally)
        pendingWrites.fail(ChannelError.ioOnClosedChannel)
        self.context = nil
    }

    package func channelActive(context: ChannelHandlerContext) {
        context.fireChannelActive()
        start(context)
    }

    package func channelInactive(context: ChannelHandlerContext) {
        endInput(context)
        state = .closed
        timeout?.cancel()
        pendingWrites.fail(ChannelError.ioOnClosedChannel)
        context.fireChannelInactive()
    }

    package func errorCaught(context: ChannelHandlerContext, error: any Error) {
        switch state {
        case .handshaking, .awaitingDecision:
            fail(context, TLSError(.peerClosed, blame: .peer, "the connection broke in the TLS handshake: \(error)"))
        case .idle, .established, .closed:
            context.fireErrorCaught(error)
        }
    }

    package func userInboundEventTriggered(context: ChannelHandlerContext, event: Any) {
        guard case ChannelEvent.inputClosed = event else { return context.fireUserInboundEventTriggered(event) }
        // After close_notify the event has been fired already; a failed handshake has its own way to say so.
        let isNews = input == .open && state != .handshaking && state != .awaitingDecision
        endInput(context)
        if isNews { context.fireUserInboundEventTriggered(event) }
    }
}

/// What the handler fires through `userInboundEventTriggered`.
package enum TLSEvent: Sendable, Hashable {
    /// The connection ended without close_notify: a body that lasts until the end may lack its end.
    case inputTruncated
}

@available(*, unavailable)
extension TLSHandler: Sendable {}
