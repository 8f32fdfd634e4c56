import AddonProtocol

extension HTTPFlow {
    /// What `flow.list` tells of a flow.
    struct Summary: Sendable {
        let created: Double
        let json: JSONValue
    }

    var summary: Summary {
        var members: [JSONValue.Member] = [
            .init("id", .string(id)), .init("type", "http"), .init("state", .string(state.rawValue)),
            .init("method", .string(request.method)), .init("url", JSONValue(bytes: url)),
            .init("status_code", response.map { .integer($0.status) } ?? .null),
            .init("client", .string(clientConnection.peername?.description ?? "")),
            .init("timestamp_created", .number(timestampCreated)), .init("rev", .integer(revision)),
        ]
        let waiting: JSONValue =
            waitingFor.map { ["addon": .string($0.addon), "event": .string($0.event.rawValue)] } ?? .null
        members.append(.init("waiting_for", waiting))
        return Summary(created: timestampCreated, json: .object(members))
    }

    /// The whole flow as a value, for callers outside its loop.
    var snapshot: JSONValue {
        var writer = JSONWriter(capacity: 2048)
        write(.everything, into: &writer)
        return (try? JSONReader.read(writer.bytes)) ?? .null
    }
}

extension AddonSession {
    /// The entry of `addon.list`.
    func listing(_ events: [String]) -> JSONValue {
        [
            "name": .string(name), "version": registration.version.map { .string($0) } ?? .null,
            "state": .string(stateName), "pid": pid.map { .integer($0) } ?? .null,
            "events": .array(events.map { .string($0) }), "spawned": .bool(isSpawned),
            "in_flight": .integer(waiting.inFlight),
        ]
    }

    /// The entry of `stats`.
    var counts: JSONValue {
        [
            "events": statistics.json, "waiting": .integer(waiting.queued), "in_flight": .integer(waiting.inFlight),
            "late_replies": .integer(statistics.lateReplies), "state": .string(stateName),
        ]
    }

    private var stateName: String {
        switch phase {
        case .starting: "starting"
        case .ready: "ready"
        case .suspended: "suspended"
        case .leaving, .closed: "stopped"
        }
    }
}
