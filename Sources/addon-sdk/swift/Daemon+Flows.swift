public import AddonProtocol

/// Flows outside of their events, and commands of other addons.
extension Daemon {
    /// Summaries of the flows that match, newest first.
    public func flows(matching filter: String, limit: Int? = nil) async throws -> [JSONValue] {
        var params: [JSONValue.Member] = [.init("filter", .string(filter))]
        if let limit { params.append(.init("limit", .integer(limit))) }
        return try await call(.flowList, .object(params))["flows"]?.arrayValue ?? []
    }

    /// Resumes a held flow. Returns whether it was held.
    @discardableResult
    public func resume(flow id: String) async throws -> Bool { try await applied(.flowResume, ["id": .string(id)]) }

    /// Closes both sides of a flow, whatever its state. Returns whether it was still alive.
    @discardableResult
    public func kill(flow id: String) async throws -> Bool { try await applied(.flowKill, ["id": .string(id)]) }

    /// Changes a flow with a merge patch. Returns false when it is too late for the change.
    ///
    /// - Parameter revision: the `rev` that the patch is based on; nil: any.
    /// - Throws: `ProtocolError` when the patch is not allowed or the revision is stale.
    @discardableResult
    public func update(flow id: String, _ patch: JSONValue, revision: Int? = nil) async throws -> Bool {
        var params: [JSONValue.Member] = [.init("id", .string(id)), .init("patch", patch)]
        if let revision { params.append(.init("rev", .integer(revision))) }
        return try await applied(.flowUpdate, .object(params))
    }

    /// Sends bytes of the addon's own into a TCP flow, after the bytes that already wait to be sent.
    public func inject(_ content: [UInt8], intoTCP flow: String, toClient: Bool) async throws {
        _ = try await call(
            .injectTCP,
            ["flow": .string(flow), "to_client": .bool(toClient), "content": JSONValue(bytes: content)]
        )
    }

    /// Sends a flow's request again, changed by a merge patch of the flow. Returns the new flow's id.
    public func replay(flow id: String, _ patch: JSONValue = [:]) async throws -> String {
        try await newFlow(.flowReplay, ["id": .string(id), "patch": patch])
    }

    /// Sends a request of the addon's own; `url`, or `host`, is required. Returns the new flow's id.
    ///
    /// - Parameters:
    ///   - address: where to send it, whatever the request names; nil: where the request names.
    ///   - isReplay: whether the request comes from a recording.
    public func create(
        request: JSONValue,
        to address: Address? = nil,
        isReplay: Bool = false
    ) async throws -> String {
        var params = MergePatch([.init("request", request)])
        params.set("server_conn", address.map { ["address": $0.json] })
        if isReplay { params.set("is_replay", "request") }
        return try await newFlow(.flowCreate, params.json ?? [:])
    }

    /// A part of a flow that has a body.
    public enum Part: String, Sendable {
        case request
        case response
    }

    /// The body as on the wire, with its content coding; nil when the daemon does not have all of it in memory.
    public func rawContent(of flow: HTTPFlow, _ part: Part) async throws -> [UInt8]? {
        var bytes: [UInt8] = []
        while true {
            let answer = try await call(
                .flowBody,
                ["id": .string(flow.id), "part": .string(part.rawValue), "offset": .integer(bytes.count)]
            )
            let piece = answer["data"]?.bytesValue ?? []
            bytes += piece
            guard answer["complete"] == true else { return nil }
            if piece.isEmpty || bytes.count >= answer["size"]?.intValue ?? 0 { return bytes }
        }
    }

    /// Which addon changed which part of a flow.
    public func blame(flow id: String) async throws -> [JSONValue] {
        try await call(.flowBlame, ["id": .string(id)])["changes"]?.arrayValue ?? []
    }

    /// Calls a command of any addon.
    public func command(_ name: String, _ arguments: JSONValue = [:]) async throws -> JSONValue {
        try await call(.commandCall, ["name": .string(name), "args": arguments])
    }

    private func applied(_ call: Call, _ params: JSONValue) async throws -> Bool {
        try await self.call(call, params)["applied"]?.boolValue ?? false
    }

    private func newFlow(_ call: Call, _ params: JSONValue) async throws -> String {
        try await self.call(call, params)["id"]?.stringValue ?? ""
    }
}
