import AddonProtocol
import Glibc
import NIOCore
import NIOPosix

/// The addon socket: creates its file, and accepts connections.
struct AddonListener {
    private let channel: any Channel
    private let file: AddonSocketFile
    var path: String { file.path }

    /// Takes over the path. A socket that nobody serves is replaced; one that is being served is an error.
    static func start(
        at door: AddonDoor,
        group: MultiThreadedEventLoopGroup,
        connections: Connections,
        reception: AddonReception
    ) async throws(StartError) -> AddonListener {
        let (file, socket) = try AddonSocketFile.make(door.path, for: door.admission)
        let bootstrap = ServerBootstrap(group: group)
            .limitingAccepts(connections, for: .addon)
            .childChannelInitializer { channel in
                channel.eventLoop.makeCompletedFuture { try reception.receive(channel) }
            }
        do {
            // Bound beforehand, since NIO would remove whatever is at the path when it closes, whoever created it.
            return AddonListener(channel: try await bootstrap.withBoundSocket(socket).get(), file: file)
        } catch {
            file.remove()
            throw StartError("cannot open the addon socket \(door.path): \(explained(error))")
        }
    }

    /// Stops accepting and removes the socket's file.
    func stop() async {
        try? await channel.close().get()
        file.remove()
    }
}
