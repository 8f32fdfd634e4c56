import AddonProtocol

/// An addon of several processes.
struct AddonPool: Hashable, Sendable {
    let name: String
    /// Whether the daemon starts the processes: then no other process is let in.
    let isSpawned: Bool

    /// Nil for an addon of one process.
    init?(spawned spec: AddonSpec) {
        guard let pool = spec.pool else { return nil }
        (name, isSpawned) = (pool, true)
    }

    /// Nil for an addon of one process.
    init?(attached registration: Registration) {
        guard registration.isPooled else { return nil }
        (name, isSpawned) = (registration.name, false)
    }
}
