import AddonProtocol
import Glibc
import NIOCore
import ProxyCodecs

/// Serves a SOCKS 5 client: its login, its destination, and then the content.
struct SOCKS5Server {
    let client: Client

    private var stream: ByteStream { client.stream }
    private var services: Services { client.services }

    /// Why the client is refused.
    private enum Refusal: Error {
        /// The client has left, so there is nobody to answer.
        case gone
        case answered(ByteBuffer, reason: String)
    }

    /// Serves the client until its connection ends.
    func serve() async {
        do throws(Refusal) {
            let destination = try await negotiate()
            client.isBusy = true
            defer { client.isBusy = false }
            let upstream = try await connect(to: destination)
            try await send(SOCKS5.answer(.succeeded))
            await LayerStack(client: client, host: destination.host, port: destination.port ?? 0).run(over: upstream)
        } catch {
            await refuse(error)
        }
    }

    private func refuse(_ refusal: Refusal) async {
        guard case .answered(let answer, let reason) = refusal else { return }
        services.log.info("SOCKS client \(client.info.peername?.description ?? "") is refused: \(reason)")
        stream.write(answer)
        await client.closeGracefully(requestIsRead: true)
    }

    // MARK: Negotiation

    private func negotiate() async throws(Refusal) -> Authority {
        let offered = try await read { buffer throws(Refusal) in
            do throws(SOCKS5.WrongVersion) {
                return try SOCKS5.greeting(from: &buffer)
            } catch {
                throw .answered(SOCKS5.answer(.noAcceptable), reason: wrongVersion(error.found))
            }
        }
        try await logIn(offered)
        return try await read { buffer throws(Refusal) in
            do throws(SOCKS5.RequestError) {
                return try SOCKS5.request(from: &buffer)
            } catch {
                throw refusal(error)
            }
        }
    }

    /// Reads one message from the client. The deadline does not include the time that addons take between messages.
    private func read<Value>(_ parse: (inout ByteBuffer) throws(Refusal) -> Value?) async throws(Refusal) -> Value {
        let stream = stream
        let deadline = client.loop.eventLoop.scheduleTask(in: Limits.socksMessage) { stream.close() }
        defer { deadline.cancel() }
        while true {
            if let value = try parse(&stream.unread) { return value }
            guard await stream.readMore() else { throw .gone }
        }
    }

    private func wrongVersion(_ found: UInt8) -> String {
        let hint = (UInt8(ascii: "A")...UInt8(ascii: "Z")).contains(found) ? "; it may be HTTP" : ""
        return "it does not speak SOCKS 5 (its first byte is \(found)\(hint))"
    }

    private func refusal(_ error: SOCKS5.RequestError) -> Refusal {
        switch error {
        case .wrongVersion(let found): .answered(SOCKS5.answer(.generalFailure), reason: wrongVersion(found))
        case .refused(.commandNotSupported):
            .answered(SOCKS5.answer(.commandNotSupported), reason: "it asks for a command other than CONNECT")
        case .refused(let reply): .answered(SOCKS5.answer(reply), reason: "it asks for an invalid address")
        }
    }

    // MARK: Login

    private func logIn(_ offered: [UInt8]) async throws(Refusal) {
        let isWanted = client.loop.options.proxyauth != nil || client.loop.dispatcher.isDemanded(.socks5Auth)
        let method: SOCKS5.Method = isWanted ? .usernamePassword : .none
        guard offered.contains(method.rawValue) else {
            let reason = isWanted ? "it does not offer a login by name and password" : "it requires a login"
            throw .answered(SOCKS5.answer(.noAcceptable), reason: reason)
        }
        try await send(SOCKS5.answer(method))
        guard isWanted else { return }
        let credentials = try await read { buffer throws(Refusal) in
            do throws(SOCKS5.WrongVersion) {
                return try SOCKS5.login(from: &buffer)
            } catch {
                throw .answered(SOCKS5.answer(isValid: false), reason: wrongVersion(error.found))
            }
        }
        guard await accepts(credentials) else {
            throw .answered(SOCKS5.answer(isValid: false), reason: "its name or password is wrong")
        }
        client.credentials = credentials
        try await send(SOCKS5.answer(isValid: true))
    }

    private func accepts(_ credentials: BasicCredentials) async -> Bool {
        let isKnown = await client.loop.material.authenticator?.accepts(credentials) ?? false
        let event = SOCKS5AuthEvent(client: client.info, credentials: credentials, isValid: isKnown)
        do {
            try await client.loop.dispatcher.ask(.socks5Auth, event, on: client.loop, client.interruption)
        } catch {
            return false
        }
        return event.isValid
    }

    // MARK: Connecting

    private func connect(to destination: Authority) async throws(Refusal) -> UpstreamConnection? {
        if let reason = client.loop.options.values.refusal(ofConnectTo: destination.port ?? 0) {
            throw .answered(SOCKS5.answer(.notAllowed), reason: reason)
        }
        let isProxyItself = client.isProxyItself(host: destination.host, port: destination.port ?? 0)
        guard client.loop.options.connectionStrategy == .eager, !isProxyItself else { return nil }
        do {
            return try await UpstreamConnector(client: client).connectPlain(
                to: .init(scheme: "", host: destination.host, port: destination.port ?? 0),
                isTLS: false
            )
        } catch {
            guard error.kind != .killed, error.kind != .clientDisconnected else { throw .gone }
            throw .answered(SOCKS5.answer(SOCKS5.Reply(error)), reason: error.message)
        }
    }

    private func send(_ bytes: ByteBuffer) async throws(Refusal) {
        stream.write(bytes)
        do {
            try await stream.flush()
        } catch {
            throw .gone
        }
    }
}

extension SOCKS5.Reply {
    init(_ error: FlowError) {
        switch error.systemError {
        case EACCES: self = .notAllowed
        case ECONNREFUSED: self = .connectionRefused
        case ENETUNREACH: self = .networkUnreachable
        default: self = error.kind == .connectFailed ? .hostUnreachable : .generalFailure
        }
    }
}
