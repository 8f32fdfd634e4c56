import AddonProtocol

/// The order of the chain: what `before` and `after` demand, then higher priority first, then the order of the config, then
/// arrival.
enum AddonOrder {
    /// - Throws: -32602 with the cycle, when the demands contradict each other.
    static func sorted(_ members: [AddonHost.Member]) throws(ProtocolError) -> [AddonHost.Member] {
        let arrived = members.sorted { $0.position < $1.position }
        return try order(arrived.map { ($0.registeredName, $0.order) }).map { arrived[$0] }
    }

    /// The indices of `addons`, which stand in order of arrival, in the order of the chain.
    static func order(_ addons: [(name: String, order: Registration.Order)]) throws(ProtocolError) -> [Int] {
        var remaining = addons.indices.sorted {
            (-addons[$0].order.priority, $0) < (-addons[$1].order.priority, $1)
        }
        var result: [Int] = []
        while !remaining.isEmpty {
            let next = remaining.firstIndex { candidate in
                !remaining.contains { $0 != candidate && comes(addons[$0], before: addons[candidate]) }
            }
            guard let next else {
                let names = remaining.map { addons[$0].name }.joined(separator: ", ")
                throw ProtocolError(
                    code: ProtocolError.invalidParams,
                    message: "order.before and order.after form a cycle among: \(names)"
                )
            }
            result.append(remaining.remove(at: next))
        }
        return result
    }

    private static func comes(
        _ first: (name: String, order: Registration.Order),
        before second: (name: String, order: Registration.Order)
    ) -> Bool {
        first.order.before.contains(second.name) || second.order.after.contains(first.name)
    }
}
