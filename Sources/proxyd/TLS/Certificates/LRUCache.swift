/// A dictionary that evicts its least recently used entry when it is full.
struct LRUCache<Key: Hashable, Value> {
    private struct Node {
        let key: Key
        var value: Value
        var older: Int
        var newer: Int
    }

    private static var none: Int { -1 }

    let limit: Int
    private var nodes: [Node] = []
    private var slots: [Key: Int] = [:]
    private var oldest = Self.none
    private var newest = Self.none

    /// - Parameter limit: the most entries, at least 1.
    init(limit: Int) {
        self.limit = max(1, limit)
    }

    var count: Int { nodes.count }

    /// The value, which becomes the most recently used.
    mutating func value(for key: Key) -> Value? {
        guard let slot = slots[key] else { return nil }
        moveToFront(slot)
        return nodes[slot].value
    }

    mutating func insert(_ value: Value, for key: Key) {
        if let slot = slots[key] {
            nodes[slot].value = value
            moveToFront(slot)
        } else if nodes.count < limit {
            nodes.append(Node(key: key, value: value, older: Self.none, newer: Self.none))
            slots[key] = nodes.count - 1
            link(nodes.count - 1)
        } else {
            let slot = oldest
            unlink(slot)
            slots[nodes[slot].key] = nil
            nodes[slot] = Node(key: key, value: value, older: Self.none, newer: Self.none)
            slots[key] = slot
            link(slot)
        }
    }

    private mutating func moveToFront(_ slot: Int) {
        guard slot != newest else { return }
        unlink(slot)
        link(slot)
    }

    private mutating func unlink(_ slot: Int) {
        let (older, newer) = (nodes[slot].older, nodes[slot].newer)
        if older == Self.none { oldest = newer } else { nodes[older].newer = newer }
        if newer == Self.none { newest = older } else { nodes[newer].older = older }
    }

    private mutating func link(_ slot: Int) {
        nodes[slot].older = newest
        nodes[slot].newer = Self.none
        if newest == Self.none { oldest = slot } else { nodes[newest].newer = slot }
        newest = slot
    }
}
