import AddonProtocol

/// Debugging taps: `tap.start` and `tap.stop`.
extension AddonCalls {
    func startTap(_ params: JSONValue, _ session: AddonSession) throws(ProtocolError) -> JSONValue {
        host.taps.start(
            Tap(
                session: session,
                addons: Set(try names("addons", params) ?? []),
                events: try tappedEvents(params),
                filter: try flows.filter(params, session),
                bodies: try tapBodies(params),
                rights: host.rights(of: session)
            )
        )
        // Its rights may have changed meanwhile.
        host.taps.renew { host.rights(of: $0) }
        return [:]
    }

    func stopTap(_ session: AddonSession) -> JSONValue {
        host.taps.stop(session)
        return [:]
    }

    private func tappedEvents(_ params: JSONValue) throws(ProtocolError) -> Set<Event> {
        var events: Set<Event> = []
        for pattern in try names("events", params) ?? [] {
            let matching = Event.matching(pattern)
            guard !matching.isEmpty else {
                throw .invalidParams("events", found: .string(pattern), allowed: "names of events, also with *")
            }
            events.formUnion(matching)
        }
        return events
    }

    private func tapBodies(_ params: JSONValue) throws(ProtocolError) -> Bool {
        guard let value = params["bodies"], !value.isNull else { return false }
        guard let bodies = value.boolValue else {
            throw .invalidParams("bodies", found: value, allowed: "true or false")
        }
        return bodies
    }
}
