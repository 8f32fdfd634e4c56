/// Something that stays in memory only as long as there is room.
protocol ForgettableMemory: Sendable {
    /// Its size, in bytes.
    var byteCount: Int { get }

    /// Frees memory by forgetting the oldest.
    ///
    /// - Returns: whether at least `bytes` were freed.
    func forget(atLeast bytes: Int) -> Bool
}

/// Adds up what all loops keep in memory, and decides whether there may be more: the option `memory_limit`.
///
/// At nine tenths of the limit, bodies are no longer held and large content is no longer shown. The last tenth is for
/// small things and for work that is already under way.
final class MemoryBudget: Sendable {
    let ledgers: [MemoryLedger]
    private let history: any ForgettableMemory

    init(loops: Int, history: any ForgettableMemory) {
        ledgers = (0..<loops).map { _ in MemoryLedger() }
        self.history = history
    }

    /// The memory in use, in bytes.
    var used: Int { ledgers.reduce(history.byteCount) { $0 + $1.total } }

    /// The memory in use by kind, in bytes, under the names that `stats` uses.
    var usedByKind: [(name: String, bytes: Int)] {
        let kinds = MemoryLedger.Kind.allCases.map { kind in
            (kind.rawValue, ledgers.reduce(0) { $0 + $1[kind] })
        }
        return kinds + [("history", history.byteCount)]
    }

    /// Whether there is room for so many bytes. Forgets finished flows to make room, oldest first.
    func hasRoom(for wanted: Int, within limit: Int) -> Bool {
        let missing = used + wanted - (limit - limit / 10)
        return missing <= 0 || history.forget(atLeast: missing)
    }

    /// How many more bytes may be kept without forgetting a flow.
    func room(within limit: Int) -> Int { max(limit - limit / 10 - used, Limits.smallContentBytes) }

    /// Roughly how large a snapshot of so many bytes becomes. Text hardly grows; base64 grows by a third.
    static func shown(_ bytes: Int) -> Int { bytes + bytes / 3 }
}
