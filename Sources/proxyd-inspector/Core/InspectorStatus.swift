import Synchronization

/// The state of the inspector, for its pages.
final class InspectorStatus: Sendable {
    private let connected = Atomic(false)
    private let lost = Atomic(0)

    var isConnected: Bool {
        get { connected.load(ordering: .relaxed) }
        set { connected.store(newValue, ordering: .relaxed) }
    }

    /// How many of the daemon's messages were lost.
    var missed: Int { lost.load(ordering: .relaxed) }

    func miss(_ count: Int) { lost.wrappingAdd(max(0, count), ordering: .relaxed) }
}
