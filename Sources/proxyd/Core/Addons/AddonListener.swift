import AddonProtocol
import Glibc
import NIOCore
import NIOPosix

/// The addon socket: makes the file, and lets in who may come.
struct AddonListener {
    private let channel: any Channel
    private let file: AddonSocketFile
    var path: String { file.path }

    /// Takes the path over: a socket that nobody serves is replaced, one that somebody serves is an error.
    static func start(
        at path: String,
        group: MultiThreadedEventLoopGroup,
        admission: AddonAdmission,
        reception: AddonReception
    ) async throws(StartError) -> AddonListener {
        try AddonSocketFile.prepare(path, for: admission)
        let bootstrap = ServerBootstrap(group: group)
            .childChannelInitializer { channel in
                channel.eventLoop.makeCompletedFuture { try reception.receive(channel) }
            }
        let channel: any Channel
        do {
            let mask = umask(0o177)
            defer { umask(mask) }
            channel = try await bootstrap.bind(unixDomainSocketPath: path).get()
        } catch {
            throw StartError("cannot open the addon socket \(path): \(explained(error))")
        }
        do throws(StartError) {
            return AddonListener(channel: channel, file: try AddonSocketFile(made: path, for: admission))
        } catch {
            try? await channel.close().get()
            throw error
        }
    }

    func stop() async {
        try? await channel.close().get()
        file.remove()
    }
}
