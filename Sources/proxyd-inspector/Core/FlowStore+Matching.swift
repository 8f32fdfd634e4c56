import AddonProtocol
import GRDB

extension FlowStore {
    /// No answer takes much longer than this; the caller asks again for the rest.
    private static let longestSearch = Duration.milliseconds(250)

    /// The keys of the selected flows, newest first.
    ///
    /// - Returns: `next`, the value of `before` for the following keys; nil at the end. A page may be short, or empty.
    func match(_ selection: FlowSelection, before: Int?, limit: Int) throws -> (keys: [Int], next: Int?) {
        try database.read { database in
            let end = ContinuousClock.now + Self.longestSearch
            let flows = try Self.candidates(database, selection, before: before)
            var keys: [Int] = []
            while let stored = try flows.next() {
                let flow = MatchedFlow(stored, database)
                if selection.matches(flow) { keys.append(flow.key) }
                guard keys.count < limit, ContinuousClock.now < end else { return (keys, flow.key) }
            }
            return (keys, nil)
        }
    }

    /// All keys of the selected flows, newest first.
    func allKeys(_ selection: FlowSelection) throws -> [Int] {
        var keys: [Int] = []
        var before: Int?
        repeat {
            let (some, next) = try match(selection, before: before, limit: Self.keysAtOnce)
            keys += some
            before = next
        } while before != nil
        return keys
    }

    private static func candidates(_ database: Database, _ selection: FlowSelection, before: Int?) throws -> RowCursor {
        let columns = "SELECT flow.key, id, row, host, imported FROM"
        guard let words = selection.words else {
            let sql = "\(columns) flow WHERE key < ? ORDER BY key DESC"
            return try Row.fetchCursor(database, sql: sql, arguments: [before ?? Int.max])
        }
        // The index is scanned from its newest entry.
        let sql = """
            \(columns) words CROSS JOIN flow ON flow.key = words.rowid
            WHERE words MATCH ? AND words.rowid < ? ORDER BY words.rowid DESC
            """
        return try Row.fetchCursor(database, sql: sql, arguments: [words, before ?? Int.max])
    }
}
