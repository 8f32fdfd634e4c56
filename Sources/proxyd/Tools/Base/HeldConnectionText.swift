import AddonProtocol
import AddonSDK

/// Prints for `proxyd hold` a connection that is about to be held at an event without a flow.
enum HeldConnectionText {
    static func print(_ call: IncomingCall, json: Bool) {
        let connection = connection(of: call)
        if json {
            let members: [JSONValue.Member] = [.init("event", .string(call.method)), .init("connection", connection)]
            return Output.line(JSONText.line(.object(members)))
        }
        let address = connection["address"] ?? .null
        let place = (address.isNull ? connection["peername"] : address)?.arrayValue ?? []
        let text = place.map { $0.stringValue ?? $0.intValue.map(String.init) ?? "" }.joined(separator: ":")
        Output.line(escapedForTerminal("\(connection.text("id"))  held:\(call.method)  \(text)"))
    }

    /// The connection whose id ends the hold.
    private static func connection(of call: IncomingCall) -> JSONValue {
        if call.method == Event.serverconnect.rawValue { return call.params["server_conn"]?.value ?? .null }
        let parts = ["root_layer", "layer"].compactMap { call.params[$0]?.value }
        return parts.first?["client_conn"] ?? call.params["client_conn"]?.value ?? .null
    }
}
