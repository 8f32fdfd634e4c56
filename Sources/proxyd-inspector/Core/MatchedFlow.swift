import AddonProtocol
import Foundation
import GRDB

/// A stored flow as filters see it. What its row does not contain is read when a filter needs it, which most do not.
final class MatchedFlow: FilterableFlow {
    let key: Int
    let row: JSONValue
    private let namedHost: [UInt8]?
    private let database: Database

    /// - Parameter database: a database in a transaction that outlasts this object.
    init(_ stored: Row, _ database: Database) {
        key = stored["key"]
        row = FlowStore.read(stored["row"])
        namedHost = (stored["host"] as Data?).map { Array($0) }
        self.database = database
    }

    // MARK: From the row

    var kind: FlowKind { row["type"]?.stringValue.flatMap(FlowKind.init) ?? .http }
    var method: [UInt8]? { row["method"]?.bytesValue }
    var url: [UInt8]? { row["url"]?.bytesValue }
    var hasResponse: Bool? { kind == .tcp ? nil : status != nil }
    var status: Int? { row["status_code"]?.intValue }
    var hasError: Bool { row["error_kind"].map { !$0.isNull } ?? false }
    var source: String? { row["client"]?.stringValue }

    var marked: String { note("marked") }
    var comment: String { note("comment") }

    /// The whole note, since a row has only the beginning of a long one.
    private func note(_ name: String) -> String {
        let text = row[name]?.stringValue ?? ""
        return text.utf8.count < 250 ? text : detail?.noted(in: row)[name]?.stringValue ?? text
    }

    var replay: String? { (row["is_replay"] ?? detail?["is_replay"])?.stringValue }

    var hosts: [[UInt8]] {
        let slash = UInt8(ascii: "/")
        guard let url, let start = url.firstIndex(of: slash), url[start...].count > 2 else { return [] }
        let authority = url[(start + 2)...].prefix { $0 != slash }
        let host = authority.lastIndex(of: UInt8(ascii: ":")).map { authority[..<$0] } ?? authority
        return [Array(authority.last == UInt8(ascii: "]") ? authority : host), namedHost].compactMap(\.self)
    }

    // MARK: From the snapshot

    private lazy var detail: JSONValue? = stored("SELECT detail FROM ended WHERE key = ?").map(FlowStore.read)
    private var http: JSONValue? { detail?["handshake_flow"] ?? detail }

    private func message(_ side: FilterSide) -> JSONValue? {
        http?[side == .request ? "request" : "response"].flatMap { $0.members == nil ? nil : $0 }
    }

    private func fields(_ side: FilterSide) -> [[[UInt8]]]? {
        message(side)?["headers"]?.arrayValue?.compactMap { field in
            let pair = (field.arrayValue ?? []).compactMap(\.bytesValue)
            return pair.count == 2 ? pair : nil
        }
    }

    func headerLines(of side: FilterSide) -> [UInt8]? {
        fields(side)?.reduce(into: []) { lines, field in lines += field[0] + Array(": ".utf8) + field[1] + [0x0d, 0x0a]
        }
    }

    func contentTypes(of side: FilterSide) -> [[UInt8]] {
        if side == .response { return row["content_type"]?.bytesValue.map { [$0] } ?? [] }
        return (fields(side) ?? []).filter { String(decoding: $0[0], as: UTF8.self).lowercased() == "content-type" }.map
        { $0[1] }
    }

    var destination: String? {
        let server = (http ?? detail)?["server_conn"]
        guard let address = (server?["address"]?.arrayValue ?? server?["peername"]?.arrayValue), address.count >= 2,
            let host = address[0].stringValue, let port = address[1].intValue
        else { return nil }
        return host.contains(":") ? "[\(host)]:\(port)" : "\(host):\(port)"
    }

    var metadata: String {
        (detail?["metadata"]?.members ?? []).map { member in
            "\(member.name): \(member.value.stringValue ?? member.value.description)"
        }.joined(separator: "\n")
    }

    // MARK: Bodies

    func bodies(of side: FilterSide) -> FilterBodies {
        // A flow that is running, or that was missed, has no bodies to search.
        guard detail != nil else { return .unknown }
        let column = side == .request ? "request" : "response"
        let body = stored("SELECT \(column) FROM ended WHERE key = ?").map { Array($0) }
        return .known([body].compactMap(\.self) + (kind == .http ? [] : messages(side)))
    }

    private func messages(_ side: FilterSide) -> [[UInt8]] {
        let sql = "SELECT json FROM message WHERE flow = ? ORDER BY number"
        let all = (try? Data.fetchAll(database.cachedStatement(sql: sql), arguments: [key])) ?? []
        return all.map(FlowStore.read).filter { ($0["from_client"] == true) == (side == .request) }.compactMap {
            $0["content"]?.bytesValue
        }
    }

    private func stored(_ sql: String) -> Data? {
        try? Data.fetchOne(database.cachedStatement(sql: sql), arguments: [key])
    }
}
