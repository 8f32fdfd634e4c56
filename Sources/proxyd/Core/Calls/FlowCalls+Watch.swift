import AddonProtocol

/// `flow.subscribe` and `flow.unsubscribe`.
extension FlowCalls {
    func subscribe(_ params: JSONValue, _ session: AddonSession) async throws(ProtocolError) -> JSONValue {
        let live = params["live"] ?? false
        guard let isLive = live.boolValue else {
            throw .invalidParams("live", found: live, allowed: "true or false")
        }
        let after = try params["after"].flatMap { $0.isNull ? nil : $0 }.map { value throws(ProtocolError) in
            guard let after = value.intValue, after >= 0 else {
                throw .invalidParams("after", found: value, allowed: "the seq of a notification, or null")
            }
            return after
        }
        guard !isLive else { return try await watch(params, after: after, session) }
        _ = try filter(params, session)
        let subscription = Subscription(event: .update, mode: .observe, filter: params["filter"]?.stringValue)
        _ = try host.change(session) { terms throws(ProtocolError) in try terms.subscribe([subscription]) }
        return shown(["flows": .array(try await page(params, session).rows)], to: session)
    }

    private func watch(
        _ params: JSONValue,
        after: Int?,
        _ session: AddonSession
    ) async throws(ProtocolError) -> JSONValue {
        let redaction = host.rights(of: session).redaction
        let watcher = FlowWatch.Watcher(session: session, filter: try filter(params, session), redaction: redaction)
        _ = try size("limit", params, or: 0)
        let (sequence, since) = await flows.watch.start(watcher, on: flows.loops)
        // Its rights may have changed meanwhile, or it has left.
        flows.watch.renew { host.rights(of: $0) }
        if !host.sessions.contains(where: { $0 === session }) { flows.watch.stop(session) }
        let rows: [JSONValue]
        let isComplete = after.map { $0 >= since && $0 <= sequence } ?? true
        if let after, isComplete {
            let wanted: JSONValue = ["filter": params["filter"] ?? .null, "limit": .integer(.max)]
            rows = try await page(wanted, session) { $0.control.changedAt > after }.rows
        } else {
            rows = try await page(params, session).rows
        }
        let answer: JSONValue = [
            "flows": .array(rows), "seq": .integer(sequence), "complete": .bool(isComplete),
        ]
        return shown(answer, to: session)
    }

    func unsubscribe(_ session: AddonSession) -> JSONValue {
        flows.watch.stop(session)
        return [:]
    }
}
