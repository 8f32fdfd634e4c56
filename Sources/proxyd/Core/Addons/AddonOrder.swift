import AddonProtocol

/// The order of the chain: by `before` and `after`, then by falling priority, then by the config, then by arrival.
enum AddonOrder {
    /// - Throws: -32602, which names the cycle, when the demands contradict each other.
    static func sorted(_ members: [AddonHost.Member]) throws(ProtocolError) -> [AddonHost.Member] {
        let arrived = members.sorted { $0.position < $1.position }
        return try order(arrived.map { ($0.registeredName, $0.order) }).map { arrived[$0] }
    }

    /// The indices of `addons`, given in order of arrival, in the order of the chain.
    static func order(_ addons: [(name: String, order: Registration.Order)]) throws(ProtocolError) -> [Int] {
        var remaining = addons.indices.sorted {
            (-addons[$0].order.priority, $0) < (-addons[$1].order.priority, $1)
        }
        let followers = followers(of: addons)
        guard !followers.isEmpty else { return remaining }
        var awaited = followers.values.joined().reduce(into: [:]) { $0[$1, default: 0] += 1 }
        var result: [Int] = []
        while !remaining.isEmpty {
            guard let next = remaining.firstIndex(where: { awaited[$0, default: 0] == 0 }) else {
                let names = remaining.map { addons[$0].name }.joined(separator: ", ")
                throw ProtocolError(
                    code: ProtocolError.invalidParams,
                    message: "order.before and order.after form a cycle among: \(names)"
                )
            }
            result.append(remaining.remove(at: next))
            for follower in followers[result[result.count - 1]] ?? [] { awaited[follower, default: 0] -= 1 }
        }
        return result
    }

    /// The addons that must come after each addon.
    private static func followers(of addons: [(name: String, order: Registration.Order)]) -> [Int: [Int]] {
        let named = Dictionary(grouping: addons.indices) { addons[$0].name }
        var followers: [Int: [Int]] = [:]
        for (index, addon) in addons.enumerated() {
            for name in addon.order.before {
                for other in named[name] ?? [] where other != index { followers[index, default: []].append(other) }
            }
            for name in addon.order.after {
                for other in named[name] ?? [] where other != index { followers[other, default: []].append(index) }
            }
        }
        return followers
    }
}
