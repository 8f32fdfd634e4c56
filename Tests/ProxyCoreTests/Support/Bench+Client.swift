import NIOCore
import NIOPosix

@testable import ProxyCodecs
@testable import ProxyCore

extension Bench {
    /// A client's connection to the daemon, served like one from a listener.
    func client(_ mode: ProxyMode = .regular) async throws -> Wire {
        let listener = try await ProxyListener.open(
            .init(mode: mode, listen: HostPort(host: "127.0.0.1", port: 0)),
            sharesPort: false,
            group: group,
            loops: [loop],
            services: services
        )
        await listener.accept()
        return try await connect(toPort: listener.address.port)
    }

    /// A connection to a server of the test.
    func connect(to server: ScriptedServer) async throws -> Wire { try await connect(toPort: server.port) }

    private func connect(toPort port: Int) async throws -> Wire {
        let channel = try await ClientBootstrap(group: loop.eventLoop)
            .channelOption(.autoRead, value: false)
            .channelOption(.allowRemoteHalfClosure, value: true)
            .channelInitializer { channel in
                channel.eventLoop.makeCompletedFuture {
                    try ByteStream.open(on: channel)
                }
            }
            .connect(host: "127.0.0.1", port: port).get()
        return keep(Wire(try channel.stream))
    }
}
