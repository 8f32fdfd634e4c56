package import AddonProtocol

/// The content of a piece of a flow file.
package enum FlowFileItem: Sendable {
    /// A flow that has ended, and its messages if it is a flow of messages.
    case ended(JSONValue, messages: [JSONValue])
    /// A flow of which a recording has only the request in this frame.
    case begun(JSONValue)
    /// A frame of a recording that is about no flow.
    case other
    case fault(String)

    private static let kinds = ["http", "websocket", "tcp"]
    private static let deepest = 128

    /// - Parameter idPrefix: the prefix of the ids given to HAR entries, which have no ids of their own.
    package init(_ piece: FlowFilePiece, idPrefix: String = "") {
        let json: JSONValue
        do throws(JSONError) {
            json = try JSONReader.read(piece.bytes, maximumDepth: Self.deepest)
        } catch {
            self = .fault("not JSON: \(error)")
            return
        }
        switch piece.kind {
        case .entry:
            do throws(HAREntry.Fault) {
                let entry = try HAREntry(json, id: idPrefix + "\(piece.index)")
                self = .ended(entry.snapshot, messages: entry.messages)
            } catch {
                self = .fault(error.reason)
            }
        case .line: self.init(line: json)
        }
    }

    private init(line: JSONValue) {
        let method = line["message"]?["method"]?.stringValue
        let flow = line["type"] != nil && line["id"] != nil ? line : line["message"]?["params"]?["flow"]
        guard let flow, method.map({ Self.events.contains($0) }) ?? true else {
            // A recording contains frames of other kinds, which are neither flows nor faults.
            let isOfRecording = ["message", "recording", "missed"].contains { line[$0] != nil }
            self = isOfRecording ? .other : .fault("neither a flow nor a frame with a flow that has ended")
            return
        }
        guard flow["id"]?.stringValue != nil, Self.kinds.contains(flow["type"]?.stringValue ?? "") else {
            self = .fault("a flow has an id and a type: \(Self.kinds.joined(separator: ", "))")
            return
        }
        if method == Event.request.rawValue {
            self = .begun(flow)
        } else if flow["type"] == "tcp" || (flow["handshake_flow"] ?? flow)["request"]?.members != nil {
            self = .ended(flow, messages: flow["messages"]?.arrayValue ?? [])
        } else {
            // Some addons are shown only a part of a flow that others saw whole.
            self = method == nil ? .fault("only the row of this flow is known") : .other
        }
    }

    private static let events = ["request", "response", "error", "websocket_end", "tcp_end"]
}
