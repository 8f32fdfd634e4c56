import AddonProtocol

extension AddonHost.Member {
    /// The entry of `addon.list` for an empty seat.
    var listing: JSONValue {
        [
            "name": .string(seat.name), "version": .null, "state": .string(seat.absence.rawValue), "pid": .null,
            "events": .array(knownEvents.map { .string($0) }), "spawned": .bool(spec != nil), "in_flight": 0,
            "pool": seat.pool.map { .string($0.name) } ?? .null,
            "reason": seat.absenceReason.map { .string($0) } ?? .null,
        ]
    }

    /// The events it has asked for; for an addon that never connected, those that wait for it.
    private var knownEvents: [String] { (hasRegistered ? terms : terms.whileAbsent).eventNames }
}

extension AddonSession {
    /// The entry of `addon.list`.
    func listing(_ events: [String]) -> JSONValue {
        [
            "name": .string(name), "version": registration.version.map { .string($0) } ?? .null,
            "state": .string(stateName), "pid": pid.map { .integer($0) } ?? .null,
            "events": .array(events.map { .string($0) }), "spawned": .bool(isSpawned),
            "in_flight": .integer(waiting.inFlight), "pool": pool.map { .string($0.name) } ?? .null,
            "reason": phase == .suspended ? .string("\(failuresInRow) failures in a row") : .null,
        ]
    }

    /// The entry of `stats`.
    ///
    /// - Parameter statistics: the session's own, plus those of former connections.
    func counts(_ statistics: AddonStatistics) -> JSONValue {
        statistics.entry(queued: waiting.queued, inFlight: waiting.inFlight, state: stateName)
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

extension AddonStatistics {
    /// The entry of `stats`.
    func entry(queued: Int, inFlight: Int, state: String) -> JSONValue {
        [
            "events": json, "waiting": .integer(queued), "in_flight": .integer(inFlight),
            "late_replies": .integer(lateReplies), "state": .string(state),
        ]
    }
}
