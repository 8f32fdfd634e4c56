import AddonProtocol

/// A few words on what an event or a call is about.
enum TapSummary {
    static let longest = 200

    /// The id of the flow that the params are about.
    static func flow(of params: JSONValue) -> String? {
        params["flow"]?["id"]?.stringValue ?? params["flow"]?.stringValue ?? params["entry"]?["flow"]?.stringValue
            ?? params["id"]?.stringValue
    }

    static func text(of method: String, _ params: JSONValue) -> String {
        escapedForTerminal(cut(words(method, params), toColumns: longest))
    }

    private static func words(_ method: String, _ params: JSONValue) -> String {
        if let data = params["data"]?.bytesValue { return "\(data.count) bytes\(params["end"] == true ? ", end" : "")" }
        if let flow = params["flow"], flow.members != nil { return about(flow) }
        if let layer = params["layer"] { return "\(layer.text("name")) \(connections(layer))" }
        if let hello = params["client_hello"] { return "\(hello.text("sni")) \(connections(params))" }
        if let entry = params["entry"] { return "\(entry.text("level")) \(entry.text("source")): \(entry.text("msg"))" }
        if let reason = params["reason"]?.stringValue {
            return [params.text("path"), reason].filter { !$0.isEmpty }.joined(separator: ": ")
        }
        if let updated = params["updated"]?.arrayValue { return updated.map(\.text).joined(separator: " ") }
        let parties = connections(params)
        return parties.isEmpty ? JSONText.line(params) : parties
    }

    private static func about(_ flow: JSONValue) -> String {
        let row = FlowRow(flow: flow)
        if let message = flow["messages"]?.arrayValue?.last {
            let side = message["from_client"] == true ? "from client" : "from server"
            return "\(side), \(Words.size(message["content"]?.bytesValue?.count ?? 0))"
        }
        let outcome = row.error ?? row.status.map { "→ \($0)" } ?? ""
        return "\(row.method) \(row.url) \(outcome)"
    }

    private static func connections(_ params: JSONValue) -> String {
        let conn = params["conn"]
        let client = (params["client_conn"] ?? conn)?["peername"]?.address
        let server = params["server_conn"]?["address"]?.address
        return [client, server].compactMap { $0 }.joined(separator: " → ")
    }
}
