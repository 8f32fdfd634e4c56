import AddonProtocol
import AddonSDK

/// What a tool subscribes to, and reads, that shows flows as they end. It only observes: no flow waits, and no body is held.
enum FlowWatch {
    private static let ends: [Event] = [.response, .error, .httpConnectError, .tcpEnd, .websocketEnd]

    static func subscriptions(_ filter: String?) -> [Subscription] {
        let events = ends.map { Subscription(event: $0, mode: .observe, body: .none, filter: filter) }
        return events + [Subscription(event: .update, mode: .observe, filter: filter)]
    }

    /// The lines that an event makes: a flow that has ended, or those that are held.
    static func rows(_ call: IncomingCall) -> [(row: FlowRow, json: JSONValue)] {
        if let flow = call.params["flow"]?.value { return [(FlowRow(flow: flow), flow)] }
        guard call.method == Event.update.rawValue else { return [] }
        let held = (call.params["flows"]?.value.arrayValue ?? []).filter { $0["intercepted"] == true }
        return held.map { (FlowRow(listed: $0), $0) }
    }
}
