import AddonProtocol
import Foundation
import GRDB
import Synchronization

/// A flow that has ended, in the form to store.
struct EndedFlow: Sendable {
    /// The snapshot with its bodies.
    let snapshot: JSONValue
    /// The messages of a WebSocket or TCP flow.
    var messages: [JSONValue] = []
    var isImported = false
    /// Whether more may follow.
    var isPreliminary = false
}

extension FlowStore {
    /// Stores rows from the daemon: new flows, and changes of known ones.
    ///
    /// - Returns: their keys, and how many bytes were written.
    func take(rows: [JSONValue]) throws -> (keys: [Int], bytes: Int) {
        try change { database in
            var keys: [Int] = []
            var bytes = 0
            for row in rows {
                guard let id = row["id"]?.stringValue else { continue }
                let known = try Self.known(database, id)
                if known == nil, try Self.isForgotten(database, id) { continue }
                if let known, row.isOlder(than: Self.read(known.row)) { continue }
                let json = (known.map { row.keepingNotes(of: $0.row) } ?? row).encoded()
                keys.append(try known?.key ?? insert(database, id, json, nil, isImported: false))
                bytes += json.count
                if let known { try Self.update(database, known.key, json) }
            }
            return (keys, bytes)
        }
    }

    /// Stores flows that have ended.
    ///
    /// - Returns: their keys, and how many bytes were written.
    @discardableResult
    func keep(_ flows: [EndedFlow]) throws -> (keys: [Int], bytes: Int) {
        try change { database in
            var keys: [Int] = []
            var bytes = 0
            for flow in flows {
                guard let (key, count) = try keep(database, flow) else { continue }
                keys.append(key)
                bytes += count
            }
            return (keys, bytes)
        }
    }

    /// Stores flows in parts that are small compared with the limit, and forgets the oldest flows if necessary.
    ///
    /// - Parameter told: gets the keys of each part, and the smallest remaining key if some flows were forgotten.
    func keep(_ flows: [EndedFlow], _ told: (_ keys: [Int], _ left: Int?) -> Void) throws {
        var part: [EndedFlow] = []
        var bytes = 0
        for (number, flow) in flows.enumerated() {
            part.append(flow)
            bytes += flow.byteCount
            guard bytes >= limit / 64 || part.count >= 250 || number == flows.count - 1 else { continue }
            let kept = try keep(part)
            told(kept.keys, try wrote(kept.bytes))
            (part, bytes) = ([], 0)
        }
    }

    private func keep(_ database: Database, _ flow: EndedFlow) throws -> (key: Int, bytes: Int)? {
        guard let id = flow.snapshot["id"]?.stringValue else { return nil }
        let http = flow.snapshot["handshake_flow"] ?? flow.snapshot
        let (request, response) = (http.content("request"), http.content("response"))
        let known = try Self.known(database, id)
        if known == nil, try Self.isForgotten(database, id) { return nil }
        if flow.isPreliminary, let known, try Self.hasEnded(database, known.key) { return nil }
        // If the daemon has not sent the row yet, it is made from the snapshot.
        let key: Int
        if let known {
            key = known.key
        } else {
            guard let row = flow.snapshot.row else { return nil }
            key = try insert(database, id, row.encoded(), http.namedHost, isImported: flow.isImported)
        }
        let detail = flow.snapshot.withoutContent.encoded()
        try database.cachedStatement(sql: "INSERT OR REPLACE INTO ended VALUES (?, ?, ?, ?)")
            .execute(arguments: [key, Data(detail), request.map { Data($0) }, response.map { Data($0) }])
        if known != nil, let host = http.namedHost {
            try database.cachedStatement(sql: "UPDATE flow SET host = ? WHERE key = ?").execute(arguments: [
                Data(host), key,
            ])
        }
        let text = SearchedText(http, request, response, flow.messages)
        try Self.index(database, key, text, isNew: known == nil)
        var bytes = detail.count + (request?.count ?? 0) + (response?.count ?? 0) + text.byteCount
        for (number, message) in flow.messages.enumerated() {
            let json = message.encoded()
            try database.cachedStatement(sql: "INSERT OR REPLACE INTO message VALUES (?, ?, ?)")
                .execute(arguments: [key, message["index"]?.intValue ?? number, Data(json)])
            bytes += json.count
        }
        return (key, bytes)
    }

    private static func known(_ database: Database, _ id: String) throws -> (key: Int, row: Data)? {
        let statement = try database.cachedStatement(sql: "SELECT key, row FROM flow WHERE id = ?")
        return try Row.fetchOne(statement, arguments: [id]).map { ($0["key"], $0["row"]) }
    }

    private static func hasEnded(_ database: Database, _ key: Int) throws -> Bool {
        let statement = try database.cachedStatement(sql: "SELECT 1 FROM ended WHERE key = ?")
        return try Int.fetchOne(statement, arguments: [key]) != nil
    }

    private static func isForgotten(_ database: Database, _ id: String) throws -> Bool {
        let statement = try database.cachedStatement(sql: "SELECT 1 FROM forgotten WHERE id = ?")
        return try Int.fetchOne(statement, arguments: [id]) != nil
    }

    private func insert(
        _ database: Database,
        _ id: String,
        _ row: [UInt8],
        _ host: [UInt8]?,
        isImported: Bool
    ) throws -> Int {
        try database.cachedStatement(sql: "INSERT INTO flow (id, row, host, imported) VALUES (?, ?, ?, ?)")
            .execute(arguments: [id, Data(row), host.map { Data($0) }, isImported])
        flows.withLock { $0 += 1 }
        return Int(database.lastInsertedRowID)
    }

    private static func update(_ database: Database, _ key: Int, _ row: [UInt8]) throws {
        try database.cachedStatement(sql: "UPDATE flow SET row = ? WHERE key = ?").execute(arguments: [Data(row), key])
    }

    private static func index(_ database: Database, _ key: Int, _ text: SearchedText, isNew: Bool) throws {
        if !isNew { try database.cachedStatement(sql: "DELETE FROM words WHERE rowid = ?").execute(arguments: [key]) }
        try database.cachedStatement(sql: "INSERT INTO words (rowid, url, heads, bodies) VALUES (?, ?, ?, ?)")
            .execute(arguments: [key, text.url, text.heads, text.bodies])
    }

    /// Marks a flow as ended that the daemon has forgotten, with what is known of its end.
    func end(_ id: String) throws -> Int? {
        try change { database in
            guard let known = try Self.known(database, id) else { return nil }
            var row = Self.read(known.row).setting("state", "done").setting("intercepted", false).setting(
                "waiting_for",
                .null
            )
            let end = try Self.detail(database, known.key)?.row
            for name in Self.namesOfEnd {
                if let value = end?[name], !value.isNull { row = row.setting(name, value) }
            }
            try Self.update(database, known.key, row.encoded())
            return known.key
        }
    }

    /// The members of a row that describe the end of its flow.
    private static let namesOfEnd = [
        "status_code", "content_type", "origin", "request_size", "response_size", "duration", "error_kind",
    ]

    private static func detail(_ database: Database, _ key: Int) throws -> JSONValue? {
        let statement = try database.cachedStatement(sql: "SELECT detail FROM ended WHERE key = ?")
        return try Data.fetchOne(statement, arguments: [key]).map(Self.read)
    }

    /// Stores the answer to `flow.blame`.
    func keep(changes: JSONValue, of id: String) throws {
        try change { database in
            try database.execute(
                sql: "INSERT OR REPLACE INTO changes SELECT key, ? FROM flow WHERE id = ?",
                arguments: [Data(changes.encoded()), id]
            )
        }
    }

    /// Marks a flow, or comments on it; nil leaves a note unchanged.
    ///
    /// - Parameter rev: the flow's revision in the daemon after that; nil when the daemon does not know the flow.
    /// - Returns: the new row.
    func note(_ key: Int, marked: String?, comment: String?, rev: Int? = nil) throws -> JSONValue? {
        try change { database in
            let stored = try Row.fetchOne(
                database,
                sql: "SELECT key, row, imported FROM flow WHERE key = ?",
                arguments: [key]
            )
            guard let stored else { return nil }
            var row = Self.read(stored["row"])
            if let marked { row = row.setting("marked", .string(marked)) }
            if let comment { row = row.setting("comment", .string(comment)) }
            if let rev { row = row.setting("rev", .integer(rev)) }
            try Self.update(database, key, row.encoded())
            return row.keyed(key, isImported: stored["imported"])
        }
    }

    func forget(keys: [Int]) throws -> Int {
        var forgotten = 0
        // In parts, so that what arrives meanwhile need not wait long.
        for start in stride(from: 0, to: keys.count, by: 500) {
            forgotten += try change { database in
                try keys[start..<min(start + 500, keys.count)].reduce(0) { try $0 + delete(database, "key = ?", [$1]) }
            }
        }
        return forgotten
    }

    func forgetAll() throws -> Int {
        try change { try delete($0, "1", []) }
    }
}

/// The text of a flow for the full-text search.
private struct SearchedText {
    let url: String
    let heads: String
    let bodies: String

    var byteCount: Int { url.utf8.count + heads.utf8.count + bodies.utf8.count }

    init(_ http: JSONValue, _ request: [UInt8]?, _ response: [UInt8]?, _ messages: [JSONValue]) {
        url = http["request"]?["url"]?.text ?? ""
        let sides = [http["request"], http["response"]]
        let fields = sides.flatMap { $0?["headers"]?.arrayValue ?? [] }
        heads = fields.map { field in (field.arrayValue ?? []).map(\.text).joined(separator: ": ") }.joined(
            separator: "\n"
        )
        var left = FlowStore.searchedBytes
        let ofMessages = messages.lazy.compactMap { $0["content"]?.bytesValue }.prefix { content in
            left -= content.count
            return left + content.count > 0
        }
        bodies = ([request, response].compactMap(\.self) + ofMessages).compactMap(Self.text).joined(separator: "\n")
    }

    /// The beginning of a text; nil for other bytes.
    private static func text(_ bytes: [UInt8]) -> String? {
        let start = bytes.prefix(FlowStore.searchedBytes)
        let text = String(decoding: start, as: UTF8.self)
        let broken = text.unicodeScalars.count { $0 == "\u{fffd}" || $0 == "\0" }
        return broken * 20 > start.count ? nil : text
    }
}

extension JSONValue {
    fileprivate func content(_ side: String) -> [UInt8]? { self[side]?["content"]?.bytesValue }

    /// The host in the Host field.
    fileprivate var namedHost: [UInt8]? {
        let field = (self["request"]?["headers"]?.arrayValue ?? []).first {
            $0.arrayValue?.first?.text.lowercased() == "host"
        }
        guard let name = field?.arrayValue?.last?.bytesValue else { return nil }
        return Array(name.last == UInt8(ascii: "]") ? name[...] : name.prefix { $0 != UInt8(ascii: ":") })
    }

    /// Whether the known row of the flow is newer than this one.
    fileprivate func isOlder(than known: JSONValue) -> Bool {
        self["rev"]?.intValue ?? 0 < known["rev"]?.intValue ?? 0
    }

    /// The row with longer notes that are known, since a row has only the beginning of a long note.
    fileprivate func keepingNotes(of known: Data) -> JSONValue {
        guard ["marked", "comment"].contains(where: { self[$0]?.stringValue?.utf8.count ?? 0 >= 250 }) else {
            return self
        }
        let known = FlowStore.read(known)
        return ["marked", "comment"].reduce(self) { row, name in
            guard let note = known[name]?.stringValue, row[name]?.stringValue?.isShortened(note) == true
            else { return row }
            return row.setting(name, .string(note))
        }
    }

    /// The snapshot without bodies, and without the messages of a stream.
    var withoutContent: JSONValue {
        guard case .object(let members) = self else { return self }
        return .object(
            members.map { member in
                switch member.name {
                case "request", "response": .init(member.name, member.value.without("content"))
                case "handshake_flow": .init(member.name, member.value.withoutContent)
                case "messages": .init(member.name, [])
                default: member
                }
            }
        )
    }
}
