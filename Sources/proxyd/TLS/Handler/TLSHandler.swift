package import NIOCore

/// TLS in a channel's pipeline: ciphertext on the network side, plaintext on the other.
///
/// A server's handshake stops at the ClientHello: `clientHello` completes, and `accept` or `refuse` then continues the
/// handshake. Meanwhile nothing more is read from the network. A client's handshake starts when the channel is active.
/// `handshake` completes once for either. If it fails, the channel is closed, and only `channelInactive` is fired.
///
/// Plaintext is fired as one buffer for each `channelRead` of ciphertext. Plaintext that arrives with the last handshake
/// bytes waits for a read, so a caller that must first set up its pipeline turns `autoRead` off. Writes are encrypted at
/// flush, and their promises succeed when the ciphertext is written. When the peer's close_notify arrives, the channel is
/// closed, or with `ChannelOptions.allowRemoteHalfClosure` it fires `ChannelEvent.inputClosed`. If the connection ends
/// without close_notify, `TLSEvent.inputTruncated` is fired first.
///
/// Errors after the handshake are fired as `TLSError` through `errorCaught`, and then the channel is closed.
///
/// Only the futures may be used outside of the channel's event loop.
package final class TLSHandler: ChannelDuplexHandler, RemovableChannelHandler {
    package typealias InboundIn = ByteBuffer
    package typealias InboundOut = ByteBuffer
    package typealias OutboundIn = ByteBuffer
    package typealias OutboundOut = ByteBuffer

    enum State {
        /// Not in an active channel yet.
        case idle
        case handshaking
        /// The ClientHello is known, and `accept` or `refuse` has not been called.
        case awaitingDecision
        case established
        case closed
    }

    /// How the peer has ended its side, if it has.
    package enum InputState: Sendable, Hashable {
        case open
        /// Ended as TLS requires: nothing is missing.
        case closeNotify
        /// The connection ended without close_notify, so an attacker may have cut off the end.
        case truncated
    }

    enum OutputState {
        case open
        case closed
    }

    /// The timeout of each part of the handshake that waits for the peer: up to the ClientHello, and after it.
    package static let defaultHandshakeTimeout = TimeAmount.seconds(30)
    /// The most bytes that may be written before the handshake is complete.
    package static let earlyWriteLimit = 1 << 20

    /// The client's first message. It fails if none arrives, and always on the client's side.
    package var clientHello: EventLoopFuture<ClientHello> { clientHelloPromise.futureResult }
    /// The outcome of the handshake.
    package var handshake: EventLoopFuture<TLSSession> { handshakePromise.futureResult }
    /// Whether the peer still sends, or how its side ended.
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

    /// Whether the plaintext side waits for bytes.
    var isReadRequested = false
    /// Whether plaintext was fired since the last `channelReadComplete`.
    var hasFiredRead = false
    /// Whether bytes that arrived with the handshake wait for a read.
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

    /// A handler for the server's side of a connection.
    ///
    /// - Parameter alreadyRead: bytes of the client that were read before this handler was added to the pipeline.
    package static func server(
        on eventLoop: any EventLoop,
        alreadyRead: ByteBuffer? = nil,
        handshakeTimeout: TimeAmount = defaultHandshakeTimeout
    ) throws(TLSError) -> TLSHandler {
        TLSHandler(try .server(), on: eventLoop, alreadyRead: alreadyRead, timeout: handshakeTimeout)
    }

    /// A handler for the client's side of a connection.
    ///
    /// - Throws: when the settings cannot be used: no trusted certificates, or an impossible host name.
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
        // After close_notify the event has been fired already, and a failed handshake is reported in its own way.
        let isNews = input == .open && state != .handshaking && state != .awaitingDecision
        endInput(context)
        if isNews { context.fireUserInboundEventTriggered(event) }
    }
}

/// Events that the handler fires through `userInboundEventTriggered`.
package enum TLSEvent: Sendable, Hashable {
    /// The connection ended without close_notify, so a body that lasts until the end may be incomplete.
    case inputTruncated
}

@available(*, unavailable)
extension TLSHandler: Sendable {}
