import AddonProtocol
import ProxyCore

/// The handshake, and each event that the addon subscribed to.
extension Checker {
    func checkHandshake() {
        rule("initialize", "its first message is the request initialize, and it is valid") { () throws(Problem) in
            try receiveRegistration()
        }
        guard let registration, registration.disable == nil else { return }
        for (event, params) in [("start", [:]), ("configure", Welcome.configuration(of: registration))] {
            rule("event \(event)", "\(event) is answered") { () throws(Problem) in
                let reply = try ask(event, withMeta(params, isRequest: true))
                if event == "start", case .result(let result) = reply { try replace(result["replace"]) }
            }
        }
    }

    private func receiveRegistration() throws(Problem) {
        let deadline = ContinuousClock.now + .seconds(AddonUnderTest.connectSeconds)
        var frame: [UInt8]?
        var id: RequestID?
        do throws(ProtocolError) {
            frame = try talk.link.next(before: deadline)
            guard let frame else { throw ProtocolError(code: 0, message: "the request initialize within 10 s") }
            let name = Call.initialize.rawValue
            guard case .single(.request(let requestID, name, let params)) = try IncomingFrame.decode(frame)
            else {
                throw ProtocolError(code: 0, message: "the request initialize, with an id, as the first message")
            }
            id = requestID
            let registration = try Registration(params: params)
            for subscription in registration.subscriptions { _ = try EventTrial(subscription, params: [:]) }
            guard token == nil || registration.token == token else {
                throw ProtocolError(code: 0, message: "token: the value of the variable PROXYD_ADDON_TOKEN")
            }
            let result = registration.disable == nil ? Welcome.result(to: registration) : [:]
            talk.link.send(.success(id: requestID, result: result))
            self.registration = registration
        } catch {
            if let id { talk.link.send(.failure(id: id, error)) }
            let nothing = talk.link.ending.map { "nothing: \($0.rawValue)" } ?? "nothing"
            throw Problem(came: frame.map { String(decoding: $0, as: UTF8.self) } ?? nothing, allowed: error.message)
        }
    }

    /// Replaces the first registration with the one in a reply to `start`, as the daemon does.
    private func replace(_ replacement: JSONValue?) throws(Problem) {
        guard let replacement, !replacement.isNull, let name = registration?.name else { return }
        let named = replacement["name"] == nil ? [JSONValue.Member("name", .string(name))] : []
        do throws(ProtocolError) {
            registration = try Registration(params: .object((replacement.members ?? []) + named))
        } catch {
            throw Problem(came: "\(replacement)", allowed: error.message)
        }
        _ = try ask("start", withMeta([:], isRequest: true))
    }

    func withMeta(_ params: JSONValue, isRequest: Bool) -> JSONValue {
        var meta: [JSONValue.Member] = [.init("addon", .string(registration?.name ?? ""))]
        if isRequest { meta.append(.init("deadline_ms", .integer(patience.milliseconds))) }
        return .object((params.members ?? []) + [.init("_meta", .object(meta))])
    }

    // MARK: Events

    func checkEvents() {
        var wanted: [Event: Subscription] = [:]
        for subscription in registration?.subscriptions ?? [] { wanted[subscription.event] = subscription }
        for event in Self.order {
            guard let subscription = wanted[event], let example = Self.example(of: event) else { continue }
            check(subscription, example)
        }
        if probes.isEmpty {
            probes = [Probe(method: "configure", params: ["options": [:], "updated": []], trial: nil)]
        }
    }

    private func check(_ subscription: Subscription, _ example: JSONValue) {
        let event = subscription.event
        guard let trial = try? EventTrial(subscription, params: example) else { return }
        let isRequest = event.isRequest && subscription.mode != .observe
        let about =
            isRequest
            ? "\(event.rawValue) is answered, and the daemon would take the reply"
            : "\(event.rawValue) is read, and gets no answer"
        if let filter = subscription.filter, !trial.mayMatch(filter) {
            return skip("event \(event.rawValue)", about, "its filter \(filter) does not fit the golden example")
        }
        let params = withMeta(trial.params, isRequest: isRequest)
        rule("event \(event.rawValue)", about) { () throws(Problem) in
            guard isRequest else {
                talk.notify(event.rawValue, params)
                return try settle()
            }
            var probe = Probe(method: event.rawValue, params: params, trial: trial)
            let reply = try ask(event.rawValue, params)
            try judge(reply, to: probe, sent: "\(event.rawValue) \(params)")
            probe.reply = reply
            probes.append(probe)
        }
    }

    static func example(of event: Event) -> JSONValue? {
        guard event.availability == .now, !event.isLifecycle else { return nil }
        return GoldenExamples.events[event.rawValue].flatMap { try? JSONReader.read(Array($0.utf8)) }
    }

    /// The order in which the events of one connection occur.
    private static let order: [Event] = {
        let first: [Event] = [
            .running, .clientconnect, .socks5Auth, .httpConnect, .httpConnected, .httpConnectError, .nextLayer,
            .tlsClienthello,
            .tlsEstablishedClient, .tlsFailedClient, .requestheaders, .requestData, .request, .serverconnect,
            .httpConnectUpstream, .serverconnected, .serverconnectError, .tlsEstablishedServer, .tlsFailedServer,
            .responseheaders, .responseData, .response, .error,
        ]
        let last: [Event] = [.serverdisconnect, .clientdisconnect, .update, .log, .tick]
        return first + Event.allCases.filter { !first.contains($0) && !last.contains($0) } + last
    }()

    // MARK: Commands

    func checkCommands() {
        for command in registration?.commands ?? [] {
            rule("command \(command.name)", "its command \(command.name) is answered") { () throws(Problem) in
                let params: JSONValue = ["name": .string(command.name), "args": [:]]
                guard case .error(let error) = try ask("command", params), error.code == ProtocolError.methodNotFound
                else {
                    return
                }
                throw Problem(
                    sent: "command \(params)",
                    came: "\(error)",
                    allowed: "a result, or an error that says what is wrong with the args"
                )
            }
        }
    }
}
