import Synchronization

/// A value that is changed seldom, and read all the time by every loop from a copy of its own.
///
/// To count references to one object on several threads takes each of them the cache line from the others: with a copy
/// for each loop, what an event reads belongs to its loop.
final class Published<Value: Sendable>: Sendable {
    private let state: Mutex<Value>
    private let changes = Atomic(0)

    init(_ value: Value) {
        state = Mutex(value)
    }

    var current: Value { state.withLock { $0 } }

    /// Changes the value; whoever reads after this call gets the new one.
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

    /// The value as `make` makes it, anew after a change.
    func read<Made>(_ copy: inout Copy<Made>, make: (Value) -> Made) -> Made {
        if let made = copy.made, made.changes == changes.load(ordering: .acquiring) { return made.value }
        let (number, value) = state.withLock { (changes.load(ordering: .relaxed), $0) }
        let made = make(value)
        copy.made = (number, made)
        return made
    }
}
