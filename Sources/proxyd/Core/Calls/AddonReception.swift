import AddonProtocol
import Glibc
import NIOCore
import NIOPosix

/// Accepts permitted connections to the addon socket, each on a suitable loop.
struct AddonReception: Sendable {
    private let door: AddonDoor
    private let loops: [LoopContext]
    private let placement: AddonPlacement
    private let supervisor: AddonSupervisor
    private let host: AddonHost
    private let connections: Connections
    private let calls: AddonCalls

    init(
        door: AddonDoor,
        loops: [LoopContext],
        supervisor: AddonSupervisor,
        host: AddonHost,
        connections: Connections,
        calls: AddonCalls
    ) {
        self.door = door
        self.loops = loops
        placement = AddonPlacement(loops: loops.count)
        self.supervisor = supervisor
        self.host = host
        self.connections = connections
        self.calls = calls
    }

    /// Takes over an accepted connection before anything is read from it.
    ///
    /// - Throws: when the connection continues on another channel, so that this one is no longer needed.
    func receive(_ channel: any Channel) throws {
        let credentials = PeerCredentials(of: channel)
        guard let peer = credentials, let entry = door.admission.entry(of: peer) else {
            return try refuse(channel, credentials)
        }
        let addon = supervisor.pool(ofGroup: getpgid(peer.pid)) ?? String(peer.pid)
        let place = placement.take(for: addon)
        let loop = loops[place]
        guard loop.eventLoop !== channel.eventLoop, let socket = copyOfSocket(of: channel) else {
            channel.closeFuture.whenComplete { _ in placement.free(addon, on: place) }
            return try welcome(channel, peer, entry)
        }
        ClientBootstrap(group: loop.eventLoop)
            .channelInitializer { moved in
                connections.count(moved, as: .addon)
                return moved.eventLoop.makeCompletedFuture { try welcome(moved, peer, entry) }
            }
            .withConnectedSocket(socket)
            .flatMap(\.closeFuture)
            .whenComplete { _ in placement.free(addon, on: place) }
        throw Moved()
    }

    /// Another descriptor for the same connection; nil when the process has run out of them.
    private func copyOfSocket(of channel: any Channel) -> NIOBSDSocket.Handle? {
        let operations = channel.pipeline.syncOperations
        let copy = try? operations.withUnsafeTransportIfAvailable(of: NIOBSDSocket.Handle.self) {
            fcntl($0, F_DUPFD_CLOEXEC, 0)
        }
        return copy.flatMap { $0 < 0 ? nil : $0 }
    }

    private struct Moved: Error {}

    private func welcome(_ channel: any Channel, _ peer: PeerCredentials, _ entry: AddonAdmission.Entry) throws {
        guard let loop = loops.first(where: { $0.eventLoop === channel.eventLoop }) else { return }
        let socket = try socket(on: channel)
        socket.setReceiver(
            AddonPeer(
                channel: socket,
                loop: loop,
                host: host,
                calls: calls,
                peer: peer,
                needsToken: entry == .withToken
            )
        )
    }

    private func refuse(_ channel: any Channel, _ peer: PeerCredentials?) throws {
        let uid = peer.map { String($0.uid) } ?? "unknown"
        host.log.warn(
            "refused a process with uid \(uid) at the addon socket; addon_uids and addon_group say who may connect"
        )
        let socket = try socket(on: channel)
        let message = "uid \(uid) may not connect"
        socket.send(.failure(id: nil, ProtocolError(code: ProtocolError.notAuthorised, message: message)))
        socket.close()
    }

    private func socket(on channel: any Channel) throws -> AddonChannel {
        let options = host.options.current
        let socket = AddonChannel(
            channel: channel,
            maximumFrameBytes: options.frameSizeLimit,
            maximumDepth: options.jsonDepthLimit
        )
        try channel.syncOptions?.setOption(.writeBufferWaterMark, value: Limits.writeBuffer)
        try channel.pipeline.syncOperations.addHandler(socket)
        return socket
    }
}

extension ProtocolError {
    static func notAuthorised(uid: UInt32) -> ProtocolError {
        ProtocolError(code: notAuthorised, message: "uid \(uid) may not connect")
    }
}
