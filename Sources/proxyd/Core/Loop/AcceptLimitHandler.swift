import Glibc
import NIOCore
import NIOPosix

/// Pauses a listener while there is no room for another connection. Clients wait in the kernel's backlog meanwhile.
final class AcceptLimitHandler: ChannelDuplexHandler, @unchecked Sendable {
    typealias InboundIn = any Channel
    typealias InboundOut = any Channel
    typealias OutboundIn = Never
    typealias OutboundOut = Never

    private let connections: Connections
    private let kind: Connections.Kind
    private let eventLoop: any EventLoop
    private var context: ChannelHandlerContext?
    /// The next attempt, while accepting is paused.
    private var retry: Scheduled<Void>?

    init(_ connections: Connections, for kind: Connections.Kind, on eventLoop: any EventLoop) {
        self.connections = connections
        self.eventLoop = eventLoop
        self.kind = kind
    }

    func handlerAdded(context: ChannelHandlerContext) {
        self.context = context
    }

    func handlerRemoved(context: ChannelHandlerContext) {
        self.context = nil
        retry?.cancel()
    }

    func read(context: ChannelHandlerContext) {
        guard retry == nil else { return }
        guard !connections.mayAccept(kind, for: self) else { return context.read() }
        // Not only ended connections make room: the options may change, too.
        retry = context.eventLoop.assumeIsolated().scheduleTask(in: Limits.acceptPause) { self.resume() }
    }

    /// Tries again, after a connection has ended or the pause is over.
    private func resume() {
        guard let retry, let context else { return }
        retry.cancel()
        self.retry = nil
        read(context: context)
    }

    /// Tries again; may be called on any thread.
    func roomWasMade() {
        eventLoop.execute { self.resume() }
    }

    func channelRead(context: ChannelHandlerContext, data: NIOAny) {
        connections.count(Self.unwrapInboundIn(data), as: kind)
        context.fireChannelRead(data)
    }

    /// When the kernel lacks a descriptor or memory for a connection, the failed read stays pending and would fail
    /// again at once, unless the channel stops reading.
    func errorCaught(context: ChannelHandlerContext, error: any Error) {
        guard let error = error as? IOError, [EMFILE, ENFILE, ENOBUFS, ENOMEM].contains(error.errnoCode) else { return }
        connections.failedToAccept(error)
        let channel = context.channel
        try? channel.syncOptions?.setOption(.autoRead, value: false)
        context.eventLoop.assumeIsolated().scheduleTask(in: Limits.acceptPause) {
            try? channel.syncOptions?.setOption(.autoRead, value: true)
        }
    }
}

extension ServerBootstrap {
    /// Accepts one connection at a time, so that the handler can count them.
    func limitingAccepts(_ connections: Connections, for kind: Connections.Kind) -> ServerBootstrap {
        serverChannelOption(.maxMessagesPerRead, value: 1)
            .serverChannelInitializer { channel in
                channel.eventLoop.makeCompletedFuture {
                    try channel.pipeline.syncOperations.addHandler(
                        AcceptLimitHandler(connections, for: kind, on: channel.eventLoop)
                    )
                }
            }
    }
}
