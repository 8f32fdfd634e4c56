import Synchronization

/// A value that changes rarely, and that every loop reads often from its own copy.
///
/// Threads that count references to the same object compete for its cache line. With a copy per loop, whatever an event
/// reads belongs to its loop.
final class Published<Value: Sendable>: Sendable {
    private let state: Mutex<Value>
    private let changes = Atomic(0)

    init(_ value: Value) {
        state = Mutex(value)
    }

    var current: Value { state.withLock { $0 } }

    /// Changes the value. Reads after this call see the new one.
    func change<Result, Failure: Error>(_ body: (inout Value) throws(Failure) -> Result) throws(Failure) -> Result {
        try state.withLock { value throws(Failure) in
            defer { changes.add(1, ordering: .releasing) }
            return try body(&value)
        }
    }

    /// What one loop has made of the value.
    struct Copy<Made> {
        fileprivate var made: (changes: Int, value: Made)?

        init() {}
    }

    /// Returns what `make` makes of the value; calls it again only after a change.
    func read<Made>(_ copy: inout Copy<Made>, make: (Value) -> Made) -> Made {
        if let made = copy.made, made.changes == changes.load(ordering: .acquiring) { return made.value }
        let (number, value) = state.withLock { (changes.load(ordering: .relaxed), $0) }
        let made = make(value)
        copy.made = (number, made)
        return made
    }
}
