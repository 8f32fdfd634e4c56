import AddonProtocol
import Synchronization

/// `stats`.
extension AddonCalls {
    func stats() async -> JSONValue {
        var counters: [String: Int] = [:]
        for loop in flows.flows.loops {
            let own = await loop.run { $0.counters }
            for (name, count) in own.named { counters[name, default: 0] += count }
        }
        let (total, addons) = await figures()
        counters["late_replies"] = total.lateReplies
        let named = counters.sorted { $0.key < $1.key }.map { JSONValue.Member($0.key, .integer($0.value)) }
        return ["counters": .object(named), "events": total.json, "addons": .object(addons), "memory": memory]
    }

    /// The figures of all addons together, and the entry of each: those that are there first.
    private func figures() async -> (AddonStatistics, [JSONValue.Member]) {
        var total = AddonStatistics()
        var addons: [JSONValue.Member] = []
        let (members, former) = host.state.withLock { ($0.members, $0.former) }
        let sessions = members.compactMap(\.session)
        for session in sessions {
            let before = former[session.name] ?? AddonStatistics()
            let (sum, entry) = await session.loop.run { _ in
                var sum = session.statistics
                sum.add(before)
                return (sum, session.counts(sum))
            }
            total.add(sum)
            addons.append(.init(session.name, entry))
        }
        for name in former.names where !sessions.contains(where: { $0.name == name }) {
            guard let statistics = former[name] else { continue }
            total.add(statistics)
            let state = members.first { $0.seat.name == name }?.seat.absence.rawValue ?? "left"
            addons.append(.init(name, statistics.entry(queued: 0, inFlight: 0, state: state)))
        }
        return (total, addons)
    }

    /// How much of memory is used, by kind, in bytes.
    private var memory: JSONValue {
        let kinds = flows.flows.budget.usedByKind
        let all: [(name: String, bytes: Int)] = [
            ("limit", host.options.current.memoryLimitInForce), ("used", kinds.reduce(0) { $0 + $1.bytes }),
        ]
        return .object((all + kinds).map { JSONValue.Member($0.name, .integer($0.bytes)) })
    }
}
