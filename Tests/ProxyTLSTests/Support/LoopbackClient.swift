import NIOCore
import NIOPosix

@testable import ProxyTLS

/// A connection with our client's side, with everything that its pipeline fires.
struct LoopbackClient: Sendable {
    enum Event: Sendable, Equatable {
        case bytes(ByteBuffer)
        case truncated
        case inputClosed
        case failed(TLSError)
        case inactive
    }

    let channel: any Channel
    let handshake: EventLoopFuture<TLSSession>
    let events: AsyncStream<Event>

    init(
        _ settings: TLSClientSettings,
        port: Int,
        allowHalfClosure: Bool = false,
        autoRead: Bool = true
    ) async throws {
        let (events, continuation) = AsyncStream.makeStream(of: Event.self)
        let eventLoop = MultiThreadedEventLoopGroup.singleton.any()
        let handshake = eventLoop.makePromise(of: TLSSession.self)
        channel = try await ClientBootstrap(group: eventLoop)
            .channelOption(.allowRemoteHalfClosure, value: allowHalfClosure)
            .channelOption(.autoRead, value: autoRead)
            .channelInitializer { channel in
                channel.eventLoop.makeCompletedFuture {
                    let tls = try TLSHandler.client(settings, on: channel.eventLoop, handshakeTimeout: .minutes(10))
                    tls.handshake.cascade(to: handshake)
                    try channel.pipeline.syncOperations.addHandlers([tls, Recorder(events: continuation)])
                }
            }
            .connect(host: "127.0.0.1", port: port).get()
        self.handshake = handshake.futureResult
        self.events = events
    }

    func next() async -> Event? {
        for await event in events { return event }
        return nil
    }

    /// Bytes up to `count`, or up to the first other event.
    func read(_ count: Int) async -> ByteBuffer {
        var all = ByteBuffer()
        for await event in events {
            guard case .bytes(let bytes) = event else { break }
            all.writeImmutableBuffer(bytes)
            if all.readableBytes >= count { break }
        }
        return all
    }
}

private final class Recorder: ChannelInboundHandler {
    typealias InboundIn = ByteBuffer

    let events: AsyncStream<LoopbackClient.Event>.Continuation

    init(events: AsyncStream<LoopbackClient.Event>.Continuation) { self.events = events }

    func channelRead(context: ChannelHandlerContext, data: NIOAny) { events.yield(.bytes(unwrapInboundIn(data))) }

    func userInboundEventTriggered(context: ChannelHandlerContext, event: Any) {
        switch event {
        case TLSEvent.inputTruncated: events.yield(.truncated)
        case ChannelEvent.inputClosed: events.yield(.inputClosed)
        default: break
        }
    }

    func errorCaught(context: ChannelHandlerContext, error: any Error) {
        if let error = error as? TLSError { events.yield(.failed(error)) }
    }

    func channelInactive(context: ChannelHandlerContext) {
        events.yield(.inactive)
        events.finish()
    }
}
