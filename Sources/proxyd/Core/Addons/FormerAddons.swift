import AddonProtocol

/// Statistics of addons that have left, by name, for the last `Limits.formerAddons`.
struct FormerAddons: Sendable {
    private var entries: [(name: String, statistics: AddonStatistics)] = []

    var names: [String] { entries.map(\.name) }

    /// The statistics of an addon that has left; nil when they are not remembered.
    subscript(name: String) -> AddonStatistics? { entries.first { $0.name == name }?.statistics }

    /// Adds the statistics of an addon that has left, perhaps repeatedly.
    mutating func add(_ name: String, _ statistics: AddonStatistics) {
        var sum = statistics
        if let index = entries.firstIndex(where: { $0.name == name }) {
            sum.add(entries.remove(at: index).statistics)
        } else if entries.count >= Limits.formerAddons {
            entries.removeFirst()
        }
        entries.append((name, sum))
    }
}
