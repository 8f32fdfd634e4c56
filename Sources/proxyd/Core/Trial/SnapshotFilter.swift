package import AddonProtocol

/// A flow filter for flows that are only known by their snapshots.
package struct SnapshotFilter: Sendable {
    private let filter: FlowFilter

    /// - Throws: -32602 with `data.offset`, the position of the mistake in UTF-16 code units, as JavaScript counts.
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

    /// Whether the flow matches. What cannot be decided, such as a search in a missing body, does not match.
    package func matches(_ flow: some FilterableFlow) -> Bool {
        filter.matches(flow, .long) ?? false
    }

    /// Whether the HTTP flow with this snapshot matches.
    package func matches(snapshot: JSONValue) -> Bool {
        matches(HTTPFlowView(flow: HTTPFlow(reading: snapshot)))
    }
}
