import NIOCore
import NIOPosix

/// Stands before a listener, and holds the accepting back while there is no room for one more connection. Those that come
/// meanwhile wait in the kernel.
final class AcceptGate: ChannelDuplexHandler, @unchecked Sendable {
    typealias InboundIn = any Channel
    typealias InboundOut = any Channel
    typealias OutboundIn = Never
    typealias OutboundOut = Never

    private let connections: Connections
    private let kind: Connections.Kind
    private var context: ChannelHandlerContext?
    private var isHeldBack = false

    init(_ connections: Connections, for kind: Connections.Kind) {
        self.connections = connections
        self.kind = kind
    }

    func handlerAdded(context: ChannelHandlerContext) {
        self.context = context
    }

    func handlerRemoved(context: ChannelHandlerContext) {
        self.context = nil
    }

    func read(context: ChannelHandlerContext) {
        guard !isHeldBack else { return }
        let eventLoop = context.eventLoop
        guard !connections.mayAccept(kind, otherwise: { eventLoop.execute { self.resume() } }) else {
            return context.read()
        }
        isHeldBack = true
        // The options may change as well.
        eventLoop.assumeIsolated().scheduleTask(in: Limits.acceptPause) { self.resume() }
    }

    private func resume() {
        guard isHeldBack, let context else { return }
        isHeldBack = false
        read(context: context)
    }

    func channelRead(context: ChannelHandlerContext, data: NIOAny) {
        connections.count(Self.unwrapInboundIn(data), as: kind)
        context.fireChannelRead(data)
    }

    /// The kernel has no descriptor, or no memory, for a connection. The read that failed stays asked for, and would fail at
    /// once again, until the channel reads no more.
    func errorCaught(context: ChannelHandlerContext, error: any Error) {
        connections.failedToAccept(error)
        let channel = context.channel
        try? channel.syncOptions?.setOption(.autoRead, value: false)
        context.eventLoop.assumeIsolated().scheduleTask(in: Limits.acceptPause) {
            try? channel.syncOptions?.setOption(.autoRead, value: true)
        }
    }
}

extension ServerBootstrap {
    /// One connection at a time, so that the gate can count.
    func gated(_ connections: Connections, for kind: Connections.Kind) -> ServerBootstrap {
        serverChannelOption(.maxMessagesPerRead, value: 1)
            .serverChannelInitializer { channel in
                channel.eventLoop.makeCompletedFuture {
                    try channel.pipeline.syncOperations.addHandler(AcceptGate(connections, for: kind))
                }
            }
    }
}
