public import AddonProtocol
import Synchronization

/// A connection of a program's own.
extension Daemon {
    /// What gets the daemon's events and control messages (`update`, `tap`, `dropped`, …), each in its turn.
    ///
    /// What it returns, or throws as a `ProtocolError`, answers a request, that is a call with an `id`; nil answers `{}`, which
    /// changes nothing. While it runs nothing more is read: the daemon then keeps what it can and says in `dropped` what it
    /// could not, so a slow receiver holds up nobody but itself (and the flows whose events it has asked to answer). It must not
    /// wait for a call of its own, whose answer would be read after it.
    public typealias Receiver = @Sendable (IncomingCall) throws -> JSONValue?

    struct Connection: Sendable {
        let socket: UnixSocket
        let session: Task<Session.End, any Error>
        let welcome: JSONValue
    }

    /// Connects to a daemon and registers.
    ///
    /// - Parameters:
    ///   - socket: the path of its addon socket; nil: `PROXYD_ADDON_SOCKET`, else the default path of this user.
    ///   - name: the name to register, 1 to 128 printable characters. If it is taken, the daemon adds `#2` and so on.
    ///   - subscriptions: the events to be sent. Without any, only what calls ask for comes.
    ///   - token: what an addon that the daemon has started finds in `PROXYD_ADDON_TOKEN`, and may use once; nil for one that
    ///     comes by itself.
    ///   - receive: gets what comes, also `start`, `configure`, `ping` and `done`, on a thread that does nothing else.
    /// - Throws: `SocketError` when no connection comes about, `ProtocolError` when the daemon refuses this user or the
    ///   registration, `DaemonError.connectionLost` when it goes without an answer.
    public convenience init(
        socket path: String? = nil,
        name: String,
        subscriptions: [Subscription] = [],
        token: String? = nil,
        receive: @escaping Receiver = { _ in nil }
    ) async throws {
        self.init()
        let socket = try UnixSocket.connect(to: path ?? Self.defaultSocket)
        let registration: [JSONValue.Member] = [
            .init("protocol", [.integer(Registration.protocolVersion)]), .init("name", .string(name)),
            .init("events", .array(subscriptions.map(\.json))),
        ]
        let proof: [JSONValue.Member] = token.map { [.init("token", .string($0))] } ?? []
        let (welcomes, registered) = AsyncStream.makeStream(of: JSONValue.self)
        let session = Task { [self] in
            defer { registered.finish() }
            return try await BlockingThread.run {
                Self.run(on: socket, self, .object(registration + proof), registered: { registered.yield($0) }, receive)
            }
        }
        for await welcome in welcomes {
            connection.withLock { $0 = Connection(socket: socket, session: session, welcome: welcome) }
            return
        }
        if case .refused(let error) = try await session.value { throw error }
        throw DaemonError.connectionLost
    }

    /// Where a daemon of this user is looked for: `PROXYD_ADDON_SOCKET`, or else the default path.
    public static var defaultSocket: String { SocketPath.ofEnvironment() }

    /// What the daemon answered to `initialize`: `addon` (the name in force), `server`, `options`, `limits`, …; null when this
    /// is an addon's.
    public var welcome: JSONValue { connection.withLock { $0?.welcome ?? .null } }

    /// Ends the connection when all that was sent has been. Calls that wait fail with `DaemonError.connectionLost`.
    public func leave() async {
        try? notify(.leave, [:])
        connection.withLock { $0 }?.socket.shutdown()
        await waitUntilClosed()
    }

    /// Returns when the connection has ended, whichever side has ended it.
    public func waitUntilClosed() async {
        _ = try? await connection.withLock { $0 }?.session.value
    }

    private static func run(
        on socket: UnixSocket,
        _ daemon: Daemon,
        _ registration: JSONValue,
        registered: (JSONValue) -> Void,
        _ receive: @escaping Receiver
    ) -> Session.End {
        let outbox = Outbox(socket)
        let session = Session(socket: socket, outbox: outbox, daemon: daemon) { call in
            let reply = Result { try receive(call) }
            if let id = call.id { try? outbox.append(reply: Message.reply(to: id, reply)) }
            guard call.method == Event.done.rawValue else { return }
            outbox.flush()
            socket.shutdown()
        }
        return session.run(registration: registration, registered: registered)
    }
}

extension Message {
    fileprivate static func reply(to id: RequestID, _ reply: Result<JSONValue?, any Error>) -> Message {
        switch reply {
        case .success(let result): .success(id: id, result: result ?? [:])
        case .failure(let error as ProtocolError): .failure(id: id, error)
        case .failure(let error):
            .failure(id: id, ProtocolError(code: ProtocolError.internalError, message: "\(error)"))
        }
    }
}
