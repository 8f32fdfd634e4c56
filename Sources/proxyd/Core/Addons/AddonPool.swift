import AddonProtocol

/// An addon of several processes.
struct AddonPool: Hashable, Sendable {
    let name: String
    /// Whether the daemon starts the processes: then no other process is let in.
    let isSpawned: Bool

    /// Nil for an addon of one process.
    init?(_ spec: AddonSpec?, _ registration: Registration) {
        if let spec {
            guard let pool = spec.pool else { return nil }
            (name, isSpawned) = (pool, true)
        } else {
            guard registration.isPooled else { return nil }
            (name, isSpawned) = (registration.name, false)
        }
    }
}
