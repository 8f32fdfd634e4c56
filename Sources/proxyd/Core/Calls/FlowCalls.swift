import AddonProtocol
import NIOCore

/// Answers the calls about flows (protocol section 7).
struct FlowCalls: Sendable {
    let flows: FlowTable
    let host: AddonHost
    let services: Services

    func id(_ params: JSONValue) throws(ProtocolError) -> String {
        guard let id = params["id"]?.stringValue else {
            throw .invalidParams("id", found: params["id"], allowed: "a flow's id")
        }
        return id
    }

    // MARK: Looking

    func list(_ params: JSONValue, _ session: AddonSession) async throws(ProtocolError) -> JSONValue {
        let page = try await page(params, session)
        let next = page.next.map { JSONValue.string($0) } ?? .null
        return shown(["flows": .array(page.rows), "total": .integer(page.total), "next": next], to: session)
    }

    /// - Parameter isWanted: which of the flows that match.
    func page(
        _ params: JSONValue,
        _ session: AddonSession,
        where isWanted: @escaping @Sendable (any LiveFlow) -> Bool = { _ in true }
    ) async throws(ProtocolError) -> FlowPage {
        let limit = try size("limit", params, or: 100)
        let before = try cursor(params["before"])
        let filter = try filter(params, session)
        let found = await flows.compactMap { flow in
            isWanted(flow) && filter?.matches(any: flow) ?? true ? flow.summary : nil
        }
        return FlowPage(found, before: before, limit: limit)
    }

    private func cursor(_ value: JSONValue?) throws(ProtocolError) -> FlowCursor? {
        guard let value, !value.isNull else { return nil }
        guard let cursor = value.stringValue.flatMap(FlowCursor.init(parsing:)) else {
            throw .invalidParams("before", found: value, allowed: "next, as an answer to flow.list had it")
        }
        return cursor
    }

    func filter(_ params: JSONValue, _ session: AddonSession) throws(ProtocolError) -> AddonFilter? {
        guard let value = params["filter"], !value.isNull else { return nil }
        guard let text = value.stringValue else {
            throw .invalidParams("filter", found: value, allowed: "a flow filter")
        }
        return try AddonFilter(parsing: text, host.rights(of: session).redaction)
    }

    func get(_ params: JSONValue, _ session: AddonSession) async throws(ProtocolError) -> EncodedResult {
        let id = try id(params)
        let members = try await flows.with(id) { flow, _ in flow.membersOfGet }
        return EncodedResult(members: host.rights(of: session).redaction?.redacted(members) ?? members)
    }

    func blame(_ params: JSONValue, _ session: AddonSession) async throws(ProtocolError) -> JSONValue {
        let id = try id(params)
        let answer: JSONValue = try await flows.with(id) { flow, _ in
            ["changes": flow.control.changes.json, "rejected": flow.control.changes.rejected]
        }
        return shown(answer, to: session)
    }

    func shown(_ result: JSONValue, to session: AddonSession) -> JSONValue {
        host.rights(of: session).redaction?.redacted(result) ?? result
    }

    func size(_ name: String, _ params: JSONValue, or standard: Int) throws(ProtocolError) -> Int {
        guard let value = params[name], !value.isNull else { return standard }
        guard let size = value.intValue, size >= 0 else {
            throw .invalidParams(name, found: value, allowed: "a number of bytes, 0 or more")
        }
        return size
    }

    // MARK: Acting

    func update(_ params: JSONValue, _ session: AddonSession) async throws(ProtocolError) -> JSONValue {
        let id = try id(params)
        guard let patch = params["patch"], patch.members != nil else {
            throw .invalidParams("patch", found: params["patch"], allowed: "a patch of the flow, an object")
        }
        let expected = try params["rev"].map { value throws(ProtocolError) in try revision(value) }
        return try await flows.with(id) { flow, loop throws(ProtocolError) in
            if let expected, expected != flow.revision { throw .stale(expected, current: flow.revision) }
            return try apply(patch, to: flow, session, on: loop)
        }
    }

    private func revision(_ value: JSONValue) throws(ProtocolError) -> Int {
        guard let revision = value.intValue else {
            throw .invalidParams("rev", found: value, allowed: "the rev of the flow that the patch is made for")
        }
        return revision
    }

    private func apply(
        _ patch: JSONValue,
        to flow: any LiveFlow,
        _ session: AddonSession,
        on loop: FlowLoop
    ) throws(ProtocolError) -> JSONValue {
        do throws(PatchRefusal) {
            let gate = Gate(subject: flow, addon: session.name, host.rights(of: session), call: .flowUpdate)
            try loop.checkRoom(forNotesOf: patch)
            if try gate.apply(.init("flow", patch), sent: { flow.snapshot }) {
                loop.recount(flow)
                loop.changed(flow)
            }
            return ["applied": true, "rev": .integer(flow.revision)]
        } catch {
            guard error.comesTooLate else {
                flow.control.changes.reject(error, of: session.name, at: Call.flowUpdate.rawValue)
                throw .refused(error)
            }
            return ["applied": false, "reason": .string(error.reason), "rev": .integer(flow.revision)]
        }
    }

    // MARK: Requests of the daemon's own

    func replay(_ params: JSONValue, _ session: AddonSession) async throws(ProtocolError) -> JSONValue {
        let id = try id(params)
        let patch = params["patch"] ?? [:]
        return try await flows.with(id) { flow, loop throws(ProtocolError) in
            guard let original = flow as? HTTPFlow, original.request.method != "CONNECT" else {
                throw .invalidParams("id", found: params["id"], allowed: "an http flow that is no CONNECT")
            }
            guard original.request.body.isComplete else {
                let message = "the body of the request is not in memory, so that it cannot be sent again"
                throw ProtocolError(code: ProtocolError.invalidParams, message: message)
            }
            let usesH2C = original.spokeH2C
            return try send(original.request, .request, patch, session, .flowReplay, on: loop, usesH2C: usesH2C)
        }
    }

    /// The `is_replay` of a request that an addon makes: one that it has from a recording is a replay.
    private func replay(_ value: JSONValue?) throws(ProtocolError) -> FlowReplay? {
        guard let value, !value.isNull else { return nil }
        guard value.stringValue == FlowReplay.request.rawValue else {
            throw .invalidParams("is_replay", found: value, allowed: "\"request\", or null")
        }
        return .request
    }

    func create(_ params: JSONValue, _ session: AddonSession) async throws(ProtocolError) -> JSONValue {
        guard let request = params["request"], request["url"] != nil || request["host"] != nil else {
            let allowed = "an object with url, or host, and what else a request has"
            throw .invalidParams("request", found: params["request"], allowed: allowed)
        }
        let replay = try replay(params["is_replay"])
        var patch: [JSONValue.Member] = [.init("request", request)]
        if let server = params["server_conn"], !server.isNull { patch.append(.init("server_conn", server)) }
        let whole = JSONValue.object(patch)
        let loop = flows.loops.first { $0 === session.loop } ?? flows.loops[0]
        let result = await loop.run { loop -> Result<JSONValue, ProtocolError> in
            do throws(ProtocolError) {
                return .success(try send(.blank, replay, whole, session, .flowCreate, on: loop))
            } catch {
                return .failure(error)
            }
        }
        return try result.get()
    }

    /// Sends a request without a client, and does not wait for it.
    private func send(
        _ request: HTTPRequest,
        _ replay: FlowReplay?,
        _ patch: JSONValue,
        _ session: AddonSession,
        _ call: Call,
        on loop: FlowLoop,
        usesH2C: Bool = false
    ) throws(ProtocolError) -> JSONValue {
        guard loop.ownRequests < Limits.ownRequests else {
            let message = "\(Limits.ownRequests) requests of addons are under way; more have to wait"
            throw ProtocolError(code: ProtocolError.overLimit, message: message)
        }
        do throws(PatchRefusal) {
            let mode = loop.options.mode.first ?? .regular
            let flow = HTTPFlow(ownRequest: request, replay, of: session.name, mode, on: loop)
            try Gate(subject: flow, addon: session.name, host.rights(of: session), call: call)
                .apply(.init("flow", patch), sent: { flow.snapshot })
            guard flow.response == nil else { throw PatchRefusal("patch.response", "there is none yet") }
            let own = OwnRequest(flow: flow, services: services, loop: loop, usesH2C: usesH2C, mode: mode)
            loop.start { await own.run() }
            return ["id": .string(flow.id)]
        } catch {
            throw .refused(error)
        }
    }
}

extension LiveFlow {
    /// The result of `flow.get`, an object without its closing brace.
    fileprivate var membersOfGet: [UInt8] {
        var writer = JSONWriter(capacity: 2048)
        writer.beginObject()
        writeTimed(into: &writer)
        writer.key("held")
        writer.value(control.held)
        return writer.takeBytes(keepingCapacityUpTo: 0)
    }
}

extension JSONValue {
    static func notApplied(_ reason: String) -> JSONValue { ["applied": false, "reason": .string(reason)] }
}

extension ProtocolError {
    fileprivate static func stale(_ expected: Int, current: Int) -> ProtocolError {
        ProtocolError(
            code: staleRevision,
            message: "rev \(expected) is stale; the flow is at \(current)",
            data: ["rev": .integer(current)]
        )
    }

    fileprivate static func refused(_ refusal: PatchRefusal) -> ProtocolError {
        ProtocolError(code: invalidParams, message: "refused: \(refusal.path): \(refusal.reason)")
    }
}
