public import AddonProtocol
import Synchronization

/// Connections that a program opens itself.
extension Daemon {
    /// Receives the daemon's events and control messages (`update`, `tap`, `dropped`, …), one at a time.
    ///
    /// What it returns answers a request, that is a call with an `id`, as does a `ProtocolError` that it throws; nil answers
    /// `{}`, which changes nothing. Nothing more is read while it runs. Meanwhile the daemon keeps what it can, and reports the
    /// rest in `dropped`, so a slow receiver delays nobody but itself (and the flows whose events wait for its answer). It must
    /// not wait for a call of its own, whose answer would be read only after it returns.
    public typealias Receiver = @Sendable (IncomingCall) throws -> JSONValue?

    struct Connection: Sendable {
        let socket: UnixSocket
        let session: Task<Session.End, any Error>
        let welcome: JSONValue
    }

    /// Connects to a daemon and registers.
    ///
    /// - Parameters:
    ///   - socket: the path of the daemon's addon socket; nil: `PROXYD_ADDON_SOCKET`, else this user's default path.
    ///   - name: the name to register, 1 to 128 printable characters. If it is taken, the daemon adds `#2` and so on.
    ///   - subscriptions: the events to receive. Without any, only what calls ask for arrives.
    ///   - token: the value of `PROXYD_ADDON_TOKEN` for an addon that the daemon started, which may use it once; nil for one
    ///     that connects by itself.
    ///   - receive: gets what arrives, including `start`, `configure`, `ping` and `done`, on a thread that does nothing else.
    /// - Throws: `SocketError` when the connection fails, `ProtocolError` when the daemon refuses this user or the
    ///   registration, `DaemonError.connectionLost` when the connection is lost before an answer.
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

    /// Where to find a daemon of this user: `PROXYD_ADDON_SOCKET`, or else the default path.
    public static var defaultSocket: String { SocketPath.ofEnvironment() }

    /// The daemon's answer to `initialize`: `addon` (the name in force), `server`, `options`, `limits`, …; null for the daemon
    /// of an addon's handlers.
    public var welcome: JSONValue { connection.withLock { $0?.welcome ?? .null } }

    /// Ends the connection once everything has been sent. Pending calls fail with `DaemonError.connectionLost`.
    public func leave() async {
        try? notify(.leave, [:])
        connection.withLock { $0 }?.socket.shutdown()
        await waitUntilClosed()
    }

    /// Returns when the connection has ended, whichever side ended it.
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
