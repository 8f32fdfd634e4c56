import AddonProtocol
import AddonSDK
import Synchronization

/// Writes each flow when it ends, as JSON lines or as a HAR.
final class FlowRecorder: Sendable {
    enum Form: Sendable {
        case lines
        case har
    }

    /// The most flows that may wait to be written; further ones are missed.
    private static let queue = 1_000

    private struct Counts {
        var flows = 0
        var missed = 0
        var received = 0
    }

    private let output: OutputLines
    private let form: Form
    private let counts = Mutex(Counts())
    private let ended: AsyncStream<JSONValue>
    private let ends: AsyncStream<JSONValue>.Continuation

    init(_ output: OutputLines, _ form: Form) {
        self.output = output
        self.form = form
        (ended, ends) = AsyncStream.makeStream(bufferingPolicy: .bufferingOldest(Self.queue))
    }

    /// The events that end flows, and the one that makes the daemon keep request bodies. Nothing waits for an observer.
    static func subscriptions(filter: String?) -> [Subscription] {
        let events: [Event] = [.request, .response, .error, .websocketEnd, .tcpEnd]
        return events.map {
            Subscription(event: $0, mode: .observe, body: .full, decode: $0 == .response, filter: filter)
        }
    }

    func receive(_ call: IncomingCall) {
        counts.withLock { $0.received += 1 }
        if call.method == "dropped" {
            return counts.withLock { $0.missed += call.params["count"]?.value.intValue ?? 0 }
        }
        guard let event = Event(rawValue: call.method), event.hasFlow, event != .request,
            let flow = call.params["flow"]?.value
        else {
            return
        }
        // The upgrade of a WebSocket is written when the WebSocket has ended.
        if event == .response, flow["response"]?["status_code"] == 101 { return }
        if case .enqueued = ends.yield(flow) { return }
        counts.withLock { $0.missed += 1 }
    }

    /// Writes until no more flows arrive.
    func run(_ daemon: Daemon) async {
        if form == .har { output.write(HAR.head(daemon.welcome["server"]?["version"]?.stringValue ?? "")) }
        for await flow in ended { await write(flow, daemon) }
        if form == .har { output.write(HAR.end) }
    }

    func finish() { ends.finish() }

    private func write(_ flow: JSONValue, _ daemon: Daemon) async {
        var flow = flow
        if flow["type"] != "http", let id = flow["id"],
            let messages = try? await daemon.call(.flowMessages, ["id": id, "limit": 1_024])["messages"]
        {
            flow = flow.setting("messages", messages)
        }
        guard form == .har else {
            counts.withLock { $0.flows += 1 }
            return output.write(flow.encoded() + [UInt8(ascii: "\n")])
        }
        guard let entry = HAR.entry(flow) else { return }
        let isFirst = counts.withLock { counts in
            defer { counts.flows += 1 }
            return counts.flows == 0
        }
        output.write(Array((isFirst ? "\n" : ",\n").utf8) + entry.encoded())
    }

    /// The number of messages received.
    var received: Int { counts.withLock(\.received) }

    /// The summary for programs.
    var counted: JSONValue { counts.withLock { ["flows": .integer($0.flows), "missed": .integer($0.missed)] } }

    /// The summary for people.
    var summary: String {
        let counts = counts.withLock { $0 }
        let missed =
            counts.missed == 0 ? "none missed" : "\(counts.missed) MISSED: they came faster than they could be written"
        return Words.count(counts.flows, "flow", "flows") + ", \(missed)"
    }
}

extension JSONValue {
    /// The object with this value for a member.
    func setting(_ name: String, _ value: JSONValue) -> JSONValue {
        .object((members ?? []).filter { $0.name != name } + [Member(name, value)])
    }
}
