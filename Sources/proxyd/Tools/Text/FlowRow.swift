import AddonProtocol

/// A line about a flow, made from an element of `flow.list` or from the whole flow.
struct FlowRow: Sendable, Equatable {
    var id: String
    var type: String
    var created: Double
    var client: String
    var method: String
    var url: String
    var status: Int?
    var error: String?
    /// The size of the response's body, or of both directions, in bytes.
    var size: Int?
    var seconds: Double?
    var marks: [String] = []

    var isHeld: Bool { marks.first?.hasPrefix("held") ?? false }
}

extension FlowRow {
    /// An element of the result of `flow.list`.
    init(listed row: JSONValue) {
        id = row.text("id")
        type = row.text("type")
        created = row.seconds("timestamp_created") ?? 0
        client = row.text("client")
        method = type == "http" ? row.text("method") : type
        url = row["url"]?.isNull == false ? row.text("url") : row.text("server")
        status = row["status_code"]?.intValue
        error = row["error_kind"]?.stringValue
        size = row["response_size"]?.intValue
        seconds = row.seconds("duration")
        marks = Self.marks(of: row)
        let changers = (row["changed_by"]?.arrayValue ?? []).map(\.text).joined(separator: ",")
        if !changers.isEmpty { marks = marks.map { $0 == "changed" ? "changed:\(changers)" : $0 } }
        marks += Self.answered(by: row.text("origin"))
        if let waiting = row["waiting_for"]?["addon"]?.stringValue { marks.append("at:\(waiting)") }
        if row.text("state") != "done", status == nil, !isHeld { marks.append(row.text("state")) }
    }

    /// A whole flow, as events show it.
    init(flow: JSONValue) {
        let http = flow["handshake_flow"] ?? flow
        let request = http["request"] ?? .null
        let response = http["response"] ?? .null
        id = flow.text("id")
        type = flow.text("type")
        created = flow.seconds("timestamp_created") ?? 0
        client = (flow["client_conn"] ?? http["client_conn"])?["peername"]?.address ?? ""
        method = type == "http" ? request.text("method") : type
        url = request.isNull ? flow["server_conn"]?["address"]?.address ?? "" : request.text("url")
        status = response["status_code"]?.intValue
        error = flow["error"]?["kind"]?.stringValue
        size = response["content_size"]?.intValue
        marks = Self.marks(of: flow)
        marks += Self.answered(by: response.text("origin"))
        let end = response.seconds("timestamp_end") ?? flow["error"]?.seconds("timestamp")
        seconds = end.flatMap { end in request.seconds("timestamp_start").map { end - $0 } }
    }

    private static func answered(by origin: String) -> [String] {
        origin.hasPrefix("addon:") ? ["answered:" + origin.dropFirst("addon:".count)] : []
    }

    private static func marks(of flow: JSONValue) -> [String] {
        var marks: [String] = []
        if flow["intercepted"] == true {
            marks.append(flow["held"]?["event"]?.stringValue.map { "held:\($0)" } ?? "held")
        }
        if let revision = flow["rev"]?.intValue, revision > 0 { marks.append("changed") }
        if let replay = flow["is_replay"]?.stringValue {
            marks.append(replay == "response" ? "recorded response" : "replay")
        }
        if !flow.text("marked").isEmpty { marks.append("marked") }
        if !flow.text("comment").isEmpty { marks.append("comment") }
        return marks
    }
}

extension FlowRow {
    /// The row as an element of `flow.list`, as far as its members are known.
    var json: JSONValue {
        [
            "id": .string(id), "type": .string(type), "method": .string(method), "url": .string(url),
            "status_code": status.map { .integer($0) } ?? .null, "client": .string(client),
            "timestamp_created": .number(created), "intercepted": .bool(isHeld),
            "response_size": size.map { .integer($0) } ?? .null, "duration": seconds.map { .number($0) } ?? .null,
            "error_kind": error.map { .string($0) } ?? .null,
        ]
    }

    static let columns: [Table.Column] = [
        .init(title: "ID"), .init(title: "TIME"), .init(title: "CLIENT", isExpendable: true), .init(title: "METHOD"),
        .init(title: "URL", kind: .flexible), .init(title: "STATUS"),
        .init(title: "SIZE", kind: .right, isExpendable: true), .init(title: "TOOK", kind: .right, isExpendable: true),
        .init(title: "MARKS"),
    ]

    /// Columns with room for rows that come later.
    static let growingColumns: [Table.Column] = zip(columns, [10, 12, 15, 7, 50, 0, 6, 7, 8]).map { column, width in
        var column = column
        column.leastWidth = width
        return column
    }

    var cells: [Cell] {
        [
            Cell(id, .bold), Cell(Words.time(created), .dim), Cell(client.isEmpty ? "-" : client, .dim), Cell(method),
            Cell(url), outcome,
            Cell(size.map { Words.size($0) } ?? ""), Cell(seconds.map { Words.duration(seconds: $0) } ?? ""),
            Cell(marks.joined(separator: " "), isHeld ? .yellow : .cyan),
        ]
    }

    private var outcome: Cell {
        if let error { return Cell(error, .red) }
        guard let status else { return "" }
        switch status {
        case ..<300: return Cell("\(status)", .green)
        case ..<400: return Cell("\(status)", .cyan)
        case ..<500: return Cell("\(status)", .yellow)
        default: return Cell("\(status)", .red)
        }
    }
}
