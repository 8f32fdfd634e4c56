import NIOCore
import ProxyTLS

/// Blocks connections to forbidden addresses. It sits in the connecting channel, where names are already resolved.
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
