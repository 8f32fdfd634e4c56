import AddonProtocol

/// An addon that consists of several processes.
struct AddonPool: Hashable, Sendable {
    let name: String
    /// Whether the daemon starts the processes. No other process may join such a pool.
    let isSpawned: Bool

    /// Nil for an addon of a single process.
    init?(spawned spec: AddonSpec) {
        guard let pool = spec.pool else { return nil }
        (name, isSpawned) = (pool, true)
    }

    /// Nil for an addon of a single process.
    init?(attached registration: Registration) {
        guard registration.isPooled else { return nil }
        (name, isSpawned) = (registration.name, false)
    }
}
