/// What is in memory only as long as there is room for it.
protocol ForgettableMemory: Sendable {
    /// In bytes.
    var byteCount: Int { get }

    /// Makes room by forgetting the oldest.
    ///
    /// - Returns: whether so many bytes have become free.
    func forget(atLeast bytes: Int) -> Bool
}

/// What all loops keep in memory together, and whether there may be more of it: the option `memory_limit`.
///
/// At nine tenths of the limit no more bodies are held and nothing large is shown any more. The last tenth is for what is
/// small, and for what was under way.
final class MemoryBudget: Sendable {
    let ledgers: [MemoryLedger]
    private let history: any ForgettableMemory

    init(loops: Int, history: any ForgettableMemory) {
        ledgers = (0..<loops).map { _ in MemoryLedger() }
        self.history = history
    }

    /// In bytes.
    var used: Int { ledgers.reduce(history.byteCount) { $0 + $1.total } }

    /// What there is of each kind, in bytes, with the names in `stats`.
    var usedByKind: [(name: String, bytes: Int)] {
        let kinds = MemoryLedger.Kind.allCases.map { kind in
            (kind.rawValue, ledgers.reduce(0) { $0 + $1[kind] })
        }
        return kinds + [("history", history.byteCount)]
    }

    /// Whether so many bytes more may be kept. What has ended is forgotten for it, the oldest first.
    func hasRoom(for wanted: Int, within limit: Int) -> Bool {
        let missing = used + wanted - (limit - limit / 10)
        return missing <= 0 || history.forget(atLeast: missing)
    }

    /// How many bytes more may be kept without any flow being forgotten.
    func room(within limit: Int) -> Int { max(limit - limit / 10 - used, Limits.smallContentBytes) }

    /// How large a snapshot of so many bytes is, about: hardly larger as text, a third larger in base64.
    static func shown(_ bytes: Int) -> Int { bytes + bytes / 3 }
}
