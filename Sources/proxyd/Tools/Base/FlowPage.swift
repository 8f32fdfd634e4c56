import AddonProtocol

/// A whole flow, laid out for people.
struct FlowPage {
    let flow: JSONValue
    /// The HTTP exchange that the flow is, or began with.
    let http: JSONValue
    let terminal: Terminal
    private(set) var lines: [String] = []

    init(_ flow: JSONValue, _ terminal: Terminal) {
        self.flow = flow
        self.terminal = terminal
        http = flow["handshake_flow"].flatMap { $0.isNull ? nil : $0 } ?? flow
    }

    var httpID: String { http.text("id") }

    /// - Parameter held: `{event, since}`, or null.
    mutating func addSummary(held: JSONValue) {
        let row = FlowRow(flow: flow)
        let server = flow["server_conn"]?["address"]?.address.map { " → \($0)" } ?? ""
        let marks = row.marks.isEmpty ? "" : "  [\(row.marks.joined(separator: " "))]"
        add(Cell("\(row.id)  \(row.type)  \(Words.time(row.created))  \(row.client)\(server)\(marks)", .bold))
        if let since = held.seconds("since") {
            let way = "proxyd resume \(row.id) continues it"
            add(Cell("held at \(held.text("event")) since \(Words.time(since)); \(way)", .yellow))
        }
        if let error = flow["error"], !error.isNull {
            add(Cell("error \(error.text("kind")): \(error.text("msg"))", .red))
        }
        for note in ["marked", "comment"] where !flow.text(note).isEmpty { add(Cell("\(note): \(flow.text(note))")) }
        if let metadata = flow["metadata"], metadata.members?.isEmpty == false {
            lines.append("metadata: \(JSONText.line(metadata))")
        }
    }

    mutating func addHead(_ part: String) {
        lines.append("")
        let head = http[part] ?? .null
        add(Cell(startLine(part, head), .bold))
        for (name, value) in Self.fields(head["headers"]) {
            lines.append("  \(terminal.styled(escapedForTerminal(name), .cyan)): \(escapedForTerminal(value))")
        }
    }

    private static let unkept = "it was not kept, see proxyd help show"

    mutating func addBodySize(_ part: String) {
        let head = http[part] ?? .null
        guard let size = head["content_size"]?.intValue, size > 0 else { return }
        let isThere = head["content"]?.isNull == false
        add(Cell("  (\(Words.size(size)) of body; \(isThere ? "--bodies shows it" : Self.unkept))", .dim))
    }

    mutating func add(_ body: FlowArgument.Body, of part: String) {
        let type = Self.fields(http[part]?["headers"]).first { $0.name.lowercased() == "content-type" }?.value ?? ""
        lines += BodyText.lines(body.bytes, type: type.lowercased()).map { "  " + $0 }
        let missing = body.size - body.bytes.count
        guard missing > 0 else { return }
        let rest = body.bytes.isEmpty ? "of body; \(Self.unkept)" : "more were not kept"
        add(Cell("  (\(Words.size(missing)) \(rest))", .dim))
    }

    mutating func addMessages(_ messages: [JSONValue]) {
        guard flow["messages"] != nil else { return }
        let count = flow["message_count"]?.intValue ?? 0
        lines += ["", terminal.styled("Messages", .bold) + " (\(count) in all)"]
        for message in messages { add(message: message) }
        if let code = flow["close_code"]?.intValue {
            let side = flow["closed_by_client"] == true ? "client" : "server"
            add(Cell("  closed by the \(side) with \(code) \(flow.text("close_reason"))"))
        }
    }

    private mutating func add(message: JSONValue) {
        let side = message["from_client"] == true ? "client →" : "server →"
        let flags = ["dropped", "injected"].filter { message[$0] == true }
        let content = message["content"]?.bytesValue ?? []
        let head = [
            Words.time(message.seconds("timestamp") ?? 0), side, message.text("type"), Words.size(content.count),
        ]
        add(Cell("  " + (head.filter { !$0.isEmpty } + flags).joined(separator: "  "), .dim))
        lines += BodyText.lines(content, type: "").map { "    " + $0 }
    }

    mutating func addTimes() {
        let times = FlowTimes(flow: flow, http: http).cells
        guard !times.isEmpty else { return }
        lines += ["", terminal.styled("Times", .bold)]
        let width = times.map { columns(of: $0.name) }.max() ?? 0
        for (name, value) in times {
            lines.append(
                "  \(escapedForTerminal(name))\(String(repeating: " ", count: width - columns(of: name)))  \(value)"
            )
        }
    }

    /// - Parameter blame: the result of `flow.blame`.
    mutating func add(blame: JSONValue) {
        addChanges(blame["changes"]?.arrayValue ?? [])
        let rejected = blame["rejected"]?.arrayValue ?? []
        if !rejected.isEmpty { lines += ["", terminal.styled("Rejected", .bold)] }
        for refusal in rejected {
            let place = "\(refusal.text("addon")) at \(refusal.text("event")): \(refusal.text("path"))"
            add(Cell("  \(place): \(refusal.text("reason"))", .red))
        }
    }

    private mutating func addChanges(_ changes: [JSONValue]) {
        if changes.isEmpty { return }
        lines += ["", terminal.styled("Changes", .bold)]
        var speaker = ""
        for change in changes {
            let note = change["audit"] == true ? " (audit: not done)" : ""
            let heading = "  \(change.text("addon")) at \(change.text("event"))\(note)"
            if heading != speaker { add(Cell(heading)) }
            speaker = heading
            lines.append("    " + Change(blamed: change).line(terminal))
        }
    }

    /// A head as it was on the wire in HTTP/1.
    func rawHead(_ part: String) -> [UInt8] {
        let head = http[part] ?? .null
        var bytes = Array("\(part == "request" ? requestLine(head) : statusLine(head))\r\n".utf8)
        for field in head["headers"]?.arrayValue ?? [] {
            guard let pair = field.arrayValue, pair.count == 2 else { continue }
            bytes += (pair[0].bytesValue ?? []) + Array(": ".utf8) + (pair[1].bytesValue ?? []) + Array("\r\n".utf8)
        }
        return bytes + Array("\r\n".utf8)
    }
}

extension FlowPage {
    private mutating func add(_ cell: Cell) { lines.append(terminal.styled(cell.text, cell.style)) }

    private func startLine(_ part: String, _ head: JSONValue) -> String {
        if part == "request" { return "\(head.text("method")) \(head.text("url")) \(head.text("http_version"))" }
        let origin = head.text("origin")
        return statusLine(head) + (origin == "server" || origin.isEmpty ? "" : "  (from \(origin))")
    }

    private func requestLine(_ head: JSONValue) -> String {
        "\(head.text("method")) \(head.text("path")) \(head.text("http_version"))"
    }

    private func statusLine(_ head: JSONValue) -> String {
        "\(head.text("http_version")) \(head["status_code"]?.intValue ?? 0) \(head.text("reason"))"
    }

    private static func fields(_ headers: JSONValue?) -> [(name: String, value: String)] {
        (headers?.arrayValue ?? []).compactMap { field in
            guard let pair = field.arrayValue, pair.count == 2 else { return nil }
            return (pair[0].text, pair[1].text)
        }
    }
}
