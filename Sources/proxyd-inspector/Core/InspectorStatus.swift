import Synchronization

/// How it goes with the inspector, for its pages.
final class InspectorStatus: Sendable {
    private let connected = Atomic(false)
    private let lost = Atomic(0)

    var isConnected: Bool {
        get { connected.load(ordering: .relaxed) }
        set { connected.store(newValue, ordering: .relaxed) }
    }

    /// How many messages of the daemon could not be taken.
    var missed: Int { lost.load(ordering: .relaxed) }

    func miss(_ count: Int) { lost.wrappingAdd(max(0, count), ordering: .relaxed) }
}
