import AddonProtocol

/// What `flow.list` shows of a flow.
struct FlowSummary: Sendable {
    let place: FlowCursor
    let json: JSONValue
}

/// A flow's position by age. It marks where a page of `flow.list` begins, even after the flow is gone.
struct FlowCursor: Sendable, Comparable {
    let created: Double
    let id: String

    init(created: Double, id: String) {
        self.created = created
        self.id = id
    }

    /// Reads what `text` writes; nil for any other text.
    init?(parsing text: String) {
        guard let slash = text.firstIndex(of: "/"), let created = Double(text[..<slash]), created.isFinite else {
            return nil
        }
        self.init(created: created, id: String(text[text.index(after: slash)...]))
    }

    var text: String { "\(created)/\(id)" }

    static func < (one: FlowCursor, other: FlowCursor) -> Bool {
        (one.created, one.id) < (other.created, other.id)
    }
}

/// One page of `flow.list`: the newest matching flows, or the newest of those older than `before`.
struct FlowPage {
    let total: Int
    let rows: [JSONValue]
    /// Where the next page begins; nil on the last page.
    let next: String?

    /// Selects a page from all flows that match.
    init(_ found: [FlowSummary], before: FlowCursor?, limit: Int) {
        total = found.count
        let older = before.map { before in found.filter { $0.place < before } } ?? found
        let page = older.sorted { $0.place > $1.place }.prefix(limit)
        rows = page.map(\.json)
        next = page.count < older.count ? (page.last?.place ?? before)?.text : nil
    }
}
