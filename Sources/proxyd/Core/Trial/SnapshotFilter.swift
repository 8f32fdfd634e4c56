package import AddonProtocol

/// A flow filter for flows that this process has no more of than their snapshots.
package struct SnapshotFilter: Sendable {
    private let filter: FlowFilter

    /// - Throws: -32602 with `data.offset`, where in the text the fault is, counted as JavaScript does, in UTF-16 code units.
    package init(_ text: String) throws(ProtocolError) {
        do throws(FilterError) {
            filter = try FlowFilter(text) { pattern, lines throws(FilterPatternError) in
                try RegularExpression(pattern, lines)
            }
        } catch {
            var refusal = ProtocolError.invalidFilter("filter", text, error)
            let before = String(decoding: text.utf8.prefix(error.position), as: UTF8.self)
            refusal.data = .object((refusal.data?.members ?? []) + [.init("offset", .integer(before.utf16.count))])
            throw refusal
        }
    }

    /// Whether the flow matches. What cannot be told, such as what a body has that is not there, does not.
    package func matches(_ flow: some FilterableFlow) -> Bool {
        filter.matches(flow, .long) ?? false
    }

    /// Whether an exchange of HTTP matches, of which this is the snapshot.
    package func matches(snapshot: JSONValue) -> Bool {
        matches(HTTPFlowView(flow: HTTPFlow(reading: snapshot)))
    }
}
