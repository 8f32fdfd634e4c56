import AddonProtocol
import AddonSDK
import Synchronization

/// The inspector's connection to the daemon, which is reopened when it is lost.
///
/// The page's calls are made as an addon's, with an addon's rights.
final class DaemonLink: Sendable {
    /// The pause between two attempts to reach a daemon that is not there.
    static let pause = Duration.seconds(1)

    let socket: String?
    /// The token of an inspector that the daemon started; it can be used once.
    private let token: String?
    private let daemon = Mutex<Daemon?>(nil)
    private let lastVersion = Mutex("")
    private let status: InspectorStatus

    init(socket: String?, token: String?, _ status: InspectorStatus) {
        self.status = status
        self.socket = socket
        self.token = token
    }

    /// The version of the daemon that was reached last.
    var version: String { lastVersion.withLock { $0 } }

    /// - Throws: `DaemonError.notConnected` while there is no daemon, `ProtocolError` as it answered.
    func call(_ call: Call, _ params: JSONValue = [:]) async throws -> JSONValue {
        guard let daemon = daemon.withLock({ $0 }) else { throw DaemonError.notConnected }
        return try await daemon.call(call, params)
    }

    /// Opens another connection, for what the first one cannot be used for.
    func another(
        _ name: String,
        _ subscriptions: [Subscription],
        _ receive: @escaping Daemon.Receiver
    ) async throws -> Daemon {
        try await Daemon(socket: socket, name: name, subscriptions: subscriptions, receive: receive)
    }

    /// Ends the connection.
    func leave() async {
        await daemon.withLock { $0 }?.leave()
    }

    /// Passes what arrives to `keeper`, until the daemon sends `done` to an inspector that it started.
    func run(
        _ keeper: FlowKeeper,
        _ breakpoints: Breakpoints,
        _ pages: LivePages,
        _ whenConnected: () -> Void
    ) async throws {
        var isFirst = true
        while true {
            do {
                let reached = try await connect(keeper)
                lastVersion.withLock { $0 = reached.welcome["server"]?["version"]?.stringValue ?? "" }
                daemon.withLock { $0 = reached }
                if isFirst { whenConnected() }
                isFirst = false
                show(isConnected: true, pages)
                try await keeper.begin(reached)
                await breakpoints.renew()
                await reached.waitUntilClosed()
            } catch  where isFirst {
                throw error
            } catch {}
            daemon.withLock { $0 = nil }
            keeper.finish()
            show(isConnected: false, pages)
            if token != nil { return }
            try await Task.sleep(for: Self.pause)
        }
    }

    private func show(isConnected: Bool, _ pages: LivePages) {
        status.isConnected = isConnected
        pages.tellStatus()
    }

    private func connect(_ keeper: FlowKeeper) async throws -> Daemon {
        try await Daemon(socket: socket, name: "inspector", subscriptions: FlowKeeper.subscriptions, token: token) {
            call in
            keeper.receive(call)
            return nil
        }
    }
}
