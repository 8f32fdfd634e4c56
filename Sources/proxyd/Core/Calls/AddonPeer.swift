import AddonProtocol
import NIOCore

/// One connection to the addon socket: first the handshake, then the addon's messages as a member of the chain.
final class AddonPeer: AddonChannel.Receiver, @unchecked Sendable {
    private enum State {
        case waiting(timeout: Scheduled<Void>)
        case joined(AddonSession)
        case closed
    }

    private let channel: AddonChannel
    private let loop: LoopContext
    private let host: AddonHost
    private let calls: AddonCalls
    private let peer: PeerCredentials
    private let needsToken: Bool
    private var state = State.closed

    /// - Parameter needsToken: whether this user may only connect addons that the daemon started.
    init(
        channel: AddonChannel,
        loop: LoopContext,
        host: AddonHost,
        calls: AddonCalls,
        peer: PeerCredentials,
        needsToken: Bool
    ) {
        self.channel = channel
        self.loop = loop
        self.host = host
        self.calls = calls
        self.peer = peer
        self.needsToken = needsToken
        let timeout = loop.eventLoop.scheduleTask(in: Limits.handshake) {
            self.refuse(nil, "it did not send initialize within \(Limits.handshake.nanoseconds / 1_000_000_000) s")
        }
        state = .waiting(timeout: timeout)
    }

    // MARK: AddonChannel.Receiver

    func received(_ message: Message) {
        switch state {
        case .waiting(let timeout):
            timeout.cancel()
            receivedFirst(message)
        case .joined(let session):
            received(message, session)
        case .closed:
            break
        }
    }

    func received(_ reply: HeaderReply) {
        guard case .joined(let session) = state else { return received(reply.message) }
        session.receivedReply(.number(reply.id), .result(.headers(reply.edits)))
    }

    func receivedUnreadable(_ error: ProtocolError) {
        switch state {
        case .waiting(let timeout):
            timeout.cancel()
            refuse(nil, "it sent an invalid message: \(error)")
        case .joined(let session): session.receivedUnreadable(error.message)
        case .closed: break
        }
    }

    func writable() {
        if case .joined(let session) = state { session.channelWritable() }
    }

    func closed() {
        let last = state
        state = .closed
        switch last {
        case .waiting(let timeout):
            timeout.cancel()
            host.log.info("a connection to the addon socket ended without initialize\(ofProcess)")
        case .joined(let session):
            host.remove(session)
            host.log.info("left", source: session.source)
            session.channelClosed()
        case .closed: break
        }
    }

    // MARK: Handshake

    private func receivedFirst(_ message: Message) {
        guard case .request(let id, Call.initialize.rawValue, let params) = message else {
            return refuse(message.requestID, "the first message must be the request initialize")
        }
        do throws(ProtocolError) {
            let registration = try Registration(params: params)
            if let reason = registration.disable {
                state = .closed
                host.log.info("does not take part: \(reason)", source: "addon:" + registration.name)
                if let spec = try calls.spawned(registration.token) { host.stepOut(spec) }
                channel.send(.success(id: id, result: .object([])))
                return channel.close()
            }
            let spec = try calls.spawned(registration.token)
            if spec == nil, needsToken { throw ProtocolError.notAuthorised(uid: peer.uid) }
            let session = try host.admit(
                registration,
                spec: spec,
                pid: Int(peer.pid),
                uid: peer.uid,
                channel: channel,
                on: loop
            )
            state = .joined(session)
            channel.watch = FrameWatch(session, host.taps)
            channel.send(.success(id: id, result: calls.welcome(session)))
            loop.start { await self.host.start(session) }
        } catch {
            let name = params["name"]?.stringValue.map { " \($0.shortened(toBytes: 128))" } ?? ""
            state = .closed
            host.log.warn("refused addon\(name)\(ofProcess): \(error.message)")
            channel.send(.failure(id: id, error))
            channel.close()
        }
    }

    private func refuse(_ id: RequestID?, _ reason: String) {
        guard case .waiting = state else { return }
        state = .closed
        host.log.warn("refused an addon\(ofProcess): \(reason)")
        channel.send(.failure(id: id, ProtocolError(code: ProtocolError.notInitialized, message: reason)))
        channel.close()
    }

    private var ofProcess: String { " (pid \(peer.pid))" }

    // MARK: Membership

    private func received(_ message: Message, _ session: AddonSession) {
        switch message {
        case .success(let id, let result):
            session.receivedReply(id, .result(.json(result)))
        case .failure(let id, let error):
            session.receivedReply(id, .failure(.error(error)))
        case .request(let id, let method, let params):
            call(id, method, params, session)
        case .notification(let method, let params):
            call(nil, method, params, session)
        }
    }

    private func call(_ id: RequestID?, _ method: String, _ params: JSONValue, _ session: AddonSession) {
        let limit = loop.options.callsLimit
        guard session.calls.count < limit, !channel.isOverflowing else {
            let error = ProtocolError(
                code: ProtocolError.invalidRequest,
                message: "more than \(limit) calls are waiting",
                data: ["limit": .integer(limit)]
            )
            channel.send(.failure(id: id, error))
            return channel.close()
        }
        session.calls.begin()
        loop.start {
            await self.answer(id, method, params, session)
            session.calls.end()
        }
    }

    /// - Parameter id: nil: a notification, which gets no answer.
    private func answer(
        _ id: RequestID?,
        _ method: String,
        _ params: JSONValue,
        _ session: AddonSession
    ) async {
        do throws(ProtocolError) {
            let result = try await calls.answer(method, params, from: session)
            if let id { channel.answer(id, result) }
        } catch {
            if let id { return channel.send(.failure(id: id, error)) }
            guard error.code != ProtocolError.noGrant else { return }
            host.log.warn("notification \(method): \(error.message)", source: session.source)
        }
    }
}

extension Message {
    fileprivate var requestID: RequestID? {
        if case .request(let id, _, _) = self { id } else { nil }
    }
}
