import AddonProtocol

/// Ends holds, of flows and of connections, and tells of those that there are.
extension FlowCalls {
    func resume(_ params: JSONValue) async throws(ProtocolError) -> JSONValue {
        let id = try id(params)
        return try await end(
            id,
            ofConnection: { $0.resume() },
            ofFlow: { flow, loop in
                guard flow.control.resume() else { return .notApplied("the flow is not held") }
                loop.changed(flow)
                return ["applied": true]
            }
        )
    }

    func kill(_ params: JSONValue, _ session: AddonSession) async throws(ProtocolError) -> JSONValue {
        let (id, name) = (try id(params), session.name)
        return try await end(
            id,
            ofConnection: { $0.kill(by: name) },
            ofFlow: { flow, loop in
                guard flow.control.kill(by: name) else { return .notApplied("the flow has ended") }
                loop.changed(flow)
                return ["applied": true]
            }
        )
    }

    /// - Parameters:
    ///   - id: a flow's, or a held connection's.
    ///   - ofConnection: ends one hold of the connection; whether there was one.
    private func end(
        _ id: String,
        ofConnection: @escaping @Sendable (HeldConnection) -> Bool,
        ofFlow: @escaping @Sendable (any LiveFlow, FlowLoop) -> JSONValue
    ) async throws(ProtocolError) -> JSONValue {
        try await flows.on(loopOf: id) { loop in
            if let flow = loop.flow(id) { return ofFlow(flow, loop) }
            let holds = loop.dispatcher.holds
            if !holds[id].filter(ofConnection).isEmpty { return ["applied": true] }
            return holds.wasHeld(id) ? .notApplied("the connection is not held") : nil
        }
    }

    /// The result of `hold.list`, the oldest first.
    func holds() async -> JSONValue {
        var holds = await flows.compactMap(\.holdListing)
        for loop in flows.loops { holds += await loop.run { $0.dispatcher.holds.listing } }
        holds.sort { $0["since"]?.doubleValue ?? 0 < $1["since"]?.doubleValue ?? 0 }
        return ["holds": .array(holds)]
    }
}
