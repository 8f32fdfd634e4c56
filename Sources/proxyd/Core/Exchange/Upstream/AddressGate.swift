import NIOCore
import ProxyTLS

/// Stands in a channel that is to connect, where the addresses of a name are known, and lets none through that is blocked.
final class AddressGate: ChannelOutboundHandler {
    typealias OutboundIn = Never

    private let blocks: [AddressBlock]

    init(_ blocks: [AddressBlock]) {
        self.blocks = blocks
    }

    func connect(context: ChannelHandlerContext, to address: SocketAddress, promise: EventLoopPromise<Void>?) {
        if let blocked = BlockedAddress(address.ipAddress.flatMap(IPAddress.init), in: blocks) {
            promise?.fail(blocked)
        } else {
            context.connect(to: address, promise: promise)
        }
    }
}
