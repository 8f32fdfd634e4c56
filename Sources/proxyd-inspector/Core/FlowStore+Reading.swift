import AddonProtocol
import Foundation
import GRDB

/// A flow in the store.
struct StoredFlow: Sendable {
    let key: Int
    let id: String
    let row: JSONValue
    /// The snapshot without the content of bodies and messages; nil while the flow is running, or when it was missed.
    let detail: JSONValue?
    let request: [UInt8]?
    let response: [UInt8]?
    /// The answer to `flow.blame`, if anybody changed the flow.
    let changes: JSONValue?
    let isImported: Bool

    /// The snapshot with its bodies, and with notes made since.
    var snapshot: JSONValue? {
        guard let detail else { return nil }
        guard let handshake = detail["handshake_flow"] else { return withBodies(detail).noted(in: row) }
        return detail.setting("handshake_flow", withBodies(handshake)).noted(in: row)
    }

    private func withBodies(_ http: JSONValue) -> JSONValue {
        [("request", request), ("response", response)].reduce(http) { http, side in
            guard let message = http[side.0], message.members != nil, let body = side.1 else { return http }
            return http.setting(side.0, message.setting("content", JSONValue(bytes: body)))
        }
    }
}

extension JSONValue {
    /// The snapshot with the row's notes, unless those are only the beginnings of its own.
    func noted(in row: JSONValue) -> JSONValue {
        ["marked", "comment"].reduce(self) { snapshot, name in
            guard let note = row[name]?.stringValue, let old = snapshot[name]?.stringValue else { return snapshot }
            return note.isShortened(old) ? snapshot : snapshot.setting(name, .string(note))
        }
    }
}

extension String {
    /// Whether the text is what a row keeps of a longer note.
    func isShortened(_ note: String) -> Bool {
        utf8.count >= 250 && note.hasPrefix(hasSuffix("…") ? dropLast() : self[...])
    }
}

extension FlowStore {
    /// The most rows or keys in one answer.
    static let rowsAtOnce = 2_000
    static let keysAtOnce = 5_000

    static func read(_ data: Data) -> JSONValue { (try? JSONReader.read(Array(data), maximumDepth: 512)) ?? .null }

    /// The rows of flows whose keys are between the two, exclusively, newest first.
    func rows(before: Int? = nil, after: Int? = nil, limit: Int = rowsAtOnce) throws -> [JSONValue] {
        try database.read { database in
            try Row.fetchAll(
                database,
                sql: "SELECT key, row, imported FROM flow WHERE key < ? AND key > ? ORDER BY key DESC LIMIT ?",
                arguments: [before ?? Int.max, after ?? 0, min(max(limit, 0), Self.rowsAtOnce)]
            ).map { Self.read($0["row"]).keyed($0["key"], isImported: $0["imported"]) }
        }
    }

    /// The rows of these flows that exist, oldest first, and the keys of those that are selected.
    func rows(_ keys: [Int], _ selection: FlowSelection) throws -> (rows: [JSONValue], selected: [Int]) {
        try database.read { database in
            var rows: [JSONValue] = []
            var selected: [Int] = []
            let statement = try database.cachedStatement(
                sql: "SELECT key, id, row, host, imported FROM flow WHERE key = ?"
            )
            for key in keys {
                guard let stored = try Row.fetchOne(statement, arguments: [key]) else { continue }
                let flow = MatchedFlow(stored, database)
                rows.append(flow.row.keyed(key, isImported: stored["imported"]))
                if try Self.isSelected(flow, selection, database) { selected.append(key) }
            }
            return (rows, selected)
        }
    }

    private static func isSelected(_ flow: MatchedFlow, _ selection: FlowSelection, _ database: Database) throws -> Bool
    {
        if let words = selection.words {
            let sql = "SELECT 1 FROM words WHERE words MATCH ? AND rowid = ?"
            let found = try Int.fetchOne(try database.cachedStatement(sql: sql), arguments: [words, flow.key])
            guard found != nil else { return false }
        }
        return selection.matches(flow)
    }

    func flow(_ key: Int) throws -> StoredFlow? {
        try database.read { database in
            let statement = try database.cachedStatement(
                sql: """
                    SELECT flow.*, detail, request, response, changes.json AS changes FROM flow
                    LEFT JOIN ended USING (key) LEFT JOIN changes USING (key) WHERE flow.key = ?
                    """
            )
            return try Row.fetchOne(statement, arguments: [key]).map(StoredFlow.init)
        }
    }

    /// The daemon's id of the flow.
    func id(of key: Int) throws -> String? {
        try database.read { try String.fetchOne($0, sql: "SELECT id FROM flow WHERE key = ?", arguments: [key]) }
    }

    func key(of id: String) throws -> Int? {
        try database.read { try Int.fetchOne($0, sql: "SELECT key FROM flow WHERE id = ?", arguments: [id]) }
    }

    var newest: Int? {
        get throws { try database.read { try Int.fetchOne($0, sql: "SELECT max(key) FROM flow") } }
    }

    var oldest: Int? {
        get throws { try database.read { try Int.fetchOne($0, sql: "SELECT min(key) FROM flow") } }
    }

    /// The ids of the newest flows, up to a limit: those that have ended but of which there is only the row, and those that have
    /// not ended according to their row, whether or not there is more of them.
    func incomplete(limit: Int) throws -> (ended: [String], open: [String]) {
        try database.read { database in
            let rows = try Row.fetchAll(
                database,
                sql: """
                    SELECT id, row FROM flow LEFT JOIN ended USING (key)
                    WHERE flow.key > (SELECT max(key) FROM flow) - 5000 AND (detail IS NULL OR instr(row, ?) = 0)
                    ORDER BY flow.key DESC LIMIT ?
                    """,
                arguments: [Data(#""state":"done""#.utf8), limit]
            )
            let flows = rows.map { (id: $0["id"] as String, isEnded: Self.read($0["row"])["state"] == "done") }
            return (flows.filter(\.isEnded).map(\.id), flows.filter { !$0.isEnded }.map(\.id))
        }
    }

    /// Those of the ids for which no changes are stored.
    func withoutChanges(_ ids: [String]) throws -> [String] {
        try database.read { database in
            let sql = "SELECT 1 FROM changes JOIN flow USING (key) WHERE id = ?"
            return try ids.filter { try Int.fetchOne(try database.cachedStatement(sql: sql), arguments: [$0]) == nil }
        }
    }

    func messages(of key: Int, from first: Int, limit: Int) throws -> (messages: [JSONValue], first: Int?, count: Int) {
        try database.read { database in
            let sql = "SELECT count(*) AS count, min(number) AS first FROM message WHERE flow = ?"
            let all = try Row.fetchOne(database, sql: sql, arguments: [key])
            let messages = try Data.fetchAll(
                database,
                sql: "SELECT json FROM message WHERE flow = ? AND number >= ? ORDER BY number LIMIT ?",
                arguments: [key, first, limit]
            )
            return (messages.map(Self.read), all?["first"], all?["count"] ?? 0)
        }
    }
}

extension StoredFlow {
    fileprivate init(_ stored: Row) {
        key = stored["key"]
        id = stored["id"]
        row = FlowStore.read(stored["row"])
        detail = (stored["detail"] as Data?).map(FlowStore.read)
        request = (stored["request"] as Data?).map { Array($0) }
        response = (stored["response"] as Data?).map { Array($0) }
        changes = (stored["changes"] as Data?).map(FlowStore.read)
        isImported = stored["imported"]
    }
}
