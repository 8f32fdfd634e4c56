import AddonProtocol
import NIOCore

/// Answers what addons call (protocol section 7).
final class AddonCalls: Sendable {
    let host: AddonHost
    let flows: FlowCalls
    private let options: OptionControl
    private let tokens: AddonTokens
    private let control: AddonControl
    private let info: ServerInfo
    private let shutdown: @Sendable () -> Void

    /// - Parameter shutdown: begins to stop the daemon.
    init(
        host: AddonHost,
        flows: FlowCalls,
        options: OptionControl,
        addons: AddonControl,
        tokens: AddonTokens,
        info: ServerInfo,
        shutdown: @escaping @Sendable () -> Void
    ) {
        self.host = host
        self.flows = flows
        self.options = options
        control = addons
        self.tokens = tokens
        self.info = info
        self.shutdown = shutdown
    }

    // MARK: Handshake

    /// What the daemon has started with this token; nil for an addon that came by itself.
    func spawned(_ token: String?) throws(ProtocolError) -> AddonSpec? {
        guard let token else { return nil }
        guard let spec = tokens.redeem(token) else {
            throw ProtocolError(code: ProtocolError.notAuthorised, message: "the token is not known, or used already")
        }
        return spec
    }

    /// The result of `initialize`.
    func welcome(_ session: AddonSession) -> JSONValue {
        [
            "protocol": .integer(Registration.protocolVersion),
            "addon": .string(session.name),
            "server": ["name": "proxyd", "version": .string(proxydVersion)],
            "session": .string(session.loop.makeID()),
            "events": .array((host.terms(of: session)?.eventNames ?? []).map { .string($0) }),
            "options": (try? host.values(nil, for: session)) ?? .object([]),
            "limits": limits(of: session), "capabilities": [:],
        ]
    }

    private func limits(of session: AddonSession) -> JSONValue {
        let options = session.loop.options
        return [
            "frame_bytes": .integer(options.frameSizeLimit), "depth": .integer(options.jsonDepthLimit),
            "calls": .integer(options.callsLimit), "queue": .integer(options.maxQueue),
            "in_flight": .integer(session.registration.maxInFlight ?? options.maxInFlight),
            "timeout_ms": .integer(options.maxTimeoutMs),
        ]
    }

    // MARK: Calls

    func answer(
        _ method: String,
        _ params: JSONValue,
        from session: AddonSession
    ) async throws(ProtocolError) -> any CallResult {
        guard let call = Call(rawValue: method) else {
            throw ProtocolError(
                code: ProtocolError.methodNotFound,
                message: "the call \(method.debugDescription) is not known"
            )
        }
        do throws(ProtocolError) {
            try checkRight(to: call, params, session)
            return try await result(of: call, params, session)
        } catch {
            note(error, of: call, session)
            throw error
        }
    }

    private func result(
        of call: Call,
        _ params: JSONValue,
        _ session: AddonSession
    ) async throws(ProtocolError) -> any CallResult {
        switch call {
        case .initialize: throw .alreadyInitialized
        case .ping: JSONValue.object([])
        case .leave: leave(session)
        case .log: try log(params, session)
        case .subscribe: try subscribe(params, session)
        case .unsubscribe: try unsubscribe(params, session)
        case .progress: try progress(params, session)
        case .optionsGet: try optionValues(params, session)
        case .optionsList: optionList(session)
        case .optionsSet: try await setOptions(params, session)
        case .commandList: commandList()
        case .commandCall: try await callCommand(params)
        case .addonList: await addonList()
        case .addonAdd: try addAddon(params, session)
        case .addonRemove: try await removeAddon(params, session)
        case .addonReload: try await reloadAddon(params, session)
        case .serverInfo: serverInfo(session)
        case .stats: await stats()
        case .tapStart: try startTap(params, session)
        case .tapStop: stopTap(session)
        case .shutdown: stop(session)
        case .flowList: try await flows.list(params, session)
        case .flowGet: try await flows.get(params, session)
        case .flowBody: try await flows.body(params, session)
        case .flowMessages: try await flows.messages(params)
        case .flowBlame: try await flows.blame(params, session)
        case .flowForget: try await flows.forget(params, session)
        case .flowUpdate: try await flows.update(params, session)
        case .flowResume: try await flows.resume(params)
        case .flowKill: try await flows.kill(params, session)
        case .flowReplay: try await flows.replay(params, session)
        case .flowCreate: try await flows.create(params, session)
        case .flowSubscribe: try await flows.subscribe(params, session)
        case .flowUnsubscribe: flows.unsubscribe(session)
        case .holdList: await flows.holds()
        case .injectTCP: try await flows.injectTCP(params)
        case .injectWebSocket: try await flows.injectMessage(params, session)
        }
    }

    private func leave(_ session: AddonSession) -> JSONValue {
        session.sayGoodbye()
        return [:]
    }

    private func log(_ params: JSONValue, _ session: AddonSession) throws(ProtocolError) -> JSONValue {
        let level = params["level"] ?? "info"
        guard let severity = level.stringValue.flatMap(LogLevel.init) else {
            let names = LogLevel.allCases.map(\.rawValue).joined(separator: ", ")
            throw .invalidParams("level", found: level, allowed: names)
        }
        guard let msg = params["msg"]?.stringValue else {
            throw .invalidParams("msg", found: params["msg"], allowed: "a string")
        }
        host.log.log(severity, msg, source: session.source, flow: params["flow"]?.stringValue)
        return [:]
    }

    private func subscribe(_ params: JSONValue, _ session: AddonSession) throws(ProtocolError) -> JSONValue {
        let subscriptions = try Subscription.parse(params["events"] ?? .null)
        return try changed(session) { terms throws(ProtocolError) in try terms.subscribe(subscriptions) }
    }

    private func unsubscribe(_ params: JSONValue, _ session: AddonSession) throws(ProtocolError) -> JSONValue {
        let events = try Subscription.parse(params["events"] ?? .null).map(\.event)
        return try changed(session) { terms throws(ProtocolError) in terms.unsubscribe(events) }
    }

    private func changed(
        _ session: AddonSession,
        _ body: (inout AddonTerms) throws(ProtocolError) -> Void
    )
        throws(ProtocolError) -> JSONValue
    {
        let names = try host.change(session, body)
        host.tick(session)
        return ["events": .array(names.map { .string($0) })]
    }

    private func progress(_ params: JSONValue, _ session: AddonSession) throws(ProtocolError) -> JSONValue {
        guard let id = params["id"]?.intValue else {
            throw .invalidParams("id", found: params["id"], allowed: "the id of a waiting event")
        }
        let maximum = session.loop.options.maxTimeoutMs
        guard let extend = params["extend_ms"]?.intValue, extend >= 1, extend <= maximum else {
            throw .invalidParams("extend_ms", found: params["extend_ms"], allowed: "1 to \(maximum)")
        }
        guard let left = session.extendDeadline(of: id, by: extend, maximum: maximum) else {
            return ["applied": false, "reason": "no event with this id waits"]
        }
        return ["deadline_ms": left.json]
    }

    /// A list of strings; nil when there is none.
    func names(_ field: String, _ params: JSONValue) throws(ProtocolError) -> [String]? {
        guard let list = params[field], !list.isNull else { return nil }
        let names = list.arrayValue?.compactMap(\.stringValue)
        guard let names, names.count == list.arrayValue?.count else {
            throw .invalidParams(field, found: list, allowed: "a list of names")
        }
        return names
    }

    // MARK: Options

    private func optionValues(_ params: JSONValue, _ session: AddonSession) throws(ProtocolError) -> JSONValue {
        let names = try names("names", params)
        do {
            return ["options": try host.values(names, for: session)]
        } catch {
            throw ProtocolError(code: ProtocolError.invalidParams, message: error.description)
        }
    }

    private func setOptions(_ params: JSONValue, _ session: AddonSession) async throws(ProtocolError) -> JSONValue {
        guard let members = params["options"]?.members else {
            throw .invalidParams("options", found: params["options"], allowed: "an object {name: value}")
        }
        let changes = Dictionary(members.map { ($0.name, $0.value) }, uniquingKeysWith: { $1 })
        let updated = try await options.set(changes, by: session)
        return ["updated": .array(updated.map { .string($0) })]
    }

    private func optionList(_ session: AddonSession) -> JSONValue { ["options": host.optionListing(for: session)] }

    private func commandList() -> JSONValue { ["commands": host.commandListing] }

    private func stop(_ session: AddonSession) -> JSONValue {
        host.log.info("asks for shutdown", source: session.source)
        shutdown()
        return [:]
    }

    private func callCommand(_ params: JSONValue) async throws(ProtocolError) -> JSONValue {
        guard let name = params["name"]?.stringValue else {
            throw .invalidParams("name", found: params["name"], allowed: "a command's name")
        }
        return try await host.callCommand(name, params["args"] ?? [:])
    }

    // MARK: Addons

    private func addAddon(_ params: JSONValue, _ session: AddonSession) throws(ProtocolError) -> JSONValue {
        logRequest(for: .addonAdd, params, session)
        try control.add(params)
        return [:]
    }

    private func removeAddon(_ params: JSONValue, _ session: AddonSession) async throws(ProtocolError) -> JSONValue {
        logRequest(for: .addonRemove, params, session)
        try await control.remove(params, session)
        return [:]
    }

    private func reloadAddon(_ params: JSONValue, _ session: AddonSession) async throws(ProtocolError) -> JSONValue {
        logRequest(for: .addonReload, params, session)
        try await control.reload(params, session)
        return [:]
    }

    private func logRequest(for call: Call, _ params: JSONValue, _ session: AddonSession) {
        host.log.info("asks for \(call.rawValue) \(params["name"]?.shortText ?? "")", source: session.source)
    }

    // MARK: Looking in

    private func serverInfo(_ session: AddonSession) -> JSONValue {
        .object(info.members + [.init("limits", limits(of: session))])
    }

    private func addonList() async -> JSONValue {
        var addons: [JSONValue] = []
        for member in host.members {
            let events = member.terms.eventNames
            if let session = member.session {
                addons.append(await session.loop.run { _ in session.listing(events) })
            } else {
                addons.append(member.listing)
            }
        }
        return ["addons": .array(addons)]
    }
}

extension ProtocolError {
    fileprivate static let alreadyInitialized =
        ProtocolError(code: invalidRequest, message: "initialize has been answered already")
}
