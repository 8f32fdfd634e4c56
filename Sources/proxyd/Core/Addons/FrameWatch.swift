import AddonProtocol
import NIOCore

/// Shows taps the frames of one addon's connection, and matches replies to requests.
///
/// Confined to the connection's loop. Costs nothing while there is no tap.
final class FrameWatch {
    /// Identifies a request: its sender and its id.
    private struct Key: Hashable {
        let sender: TappedFrame.Sender
        let id: RequestID
    }

    /// A request that waits for its reply.
    private struct Request {
        let event: Event?
        let flow: String?
        let time: NIODeadline
    }

    private let session: AddonSession
    private let taps: Taps
    private var open: [Key: Request] = [:]

    init(_ session: AddonSession, _ taps: Taps) {
        self.session = session
        self.taps = taps
    }

    /// Whether there is a tap. Without one, forgets what was remembered for it.
    func isActive() -> Bool {
        assertOnLoop(session.loop.eventLoop)
        if !taps.isActive { open.removeAll() }
        return taps.isActive
    }

    /// - Parameter frame: one JSON text. Invalid or too deeply nested text is shown as bytes.
    func saw(_ frame: [UInt8], from sender: TappedFrame.Sender) {
        guard let json = try? JSONReader.read(frame, maximumDepth: session.channel.maximumDepth) else {
            return show(JSONValue(bytes: frame), from: sender, nil)
        }
        for message in json.arrayValue ?? [json] { saw(message, from: sender) }
    }

    private func saw(_ message: JSONValue, from sender: TappedFrame.Sender) {
        guard let method = message["method"]?.stringValue else { return sawReply(message, from: sender) }
        // Frames for a tap are not shown to other taps.
        guard method != "tap" else { return }
        let request = Request(event: Event(rawValue: method), flow: message.flowID(method), time: .now())
        if let id = message["id"].flatMap(RequestID.init) {
            if open.count >= Limits.tappedRequests { open.removeAll() }
            open[Key(sender: sender, id: id)] = request
        }
        show(message, from: sender, request)
    }

    private func sawReply(_ message: JSONValue, from sender: TappedFrame.Sender) {
        let asked: TappedFrame.Sender = sender == .daemon ? .addon : .daemon
        let id = message["id"].flatMap(RequestID.init)
        let request = id.flatMap { open.removeValue(forKey: Key(sender: asked, id: $0)) }
        let latency = request.map { (NIODeadline.now() - $0.time).nanoseconds / 1000 }
        show(message, from: sender, request, latency.map(Int.init))
    }

    private func show(
        _ message: JSONValue,
        from sender: TappedFrame.Sender,
        _ request: Request?,
        _ latency: Int? = nil
    ) {
        let frame = TappedFrame(
            addon: session.name,
            sender: sender,
            time: secondsSinceEpoch(),
            latencyMicroseconds: latency,
            event: request?.event,
            flow: request?.flow,
            message: message.hidingOptions(taps.secretNames)
        )
        taps.show(frame, of: session)
    }
}

extension JSONValue {
    /// The flow that an event or a call is about.
    fileprivate func flowID(_ method: String) -> String? {
        let params = self["params"] ?? .null
        let flow = params["flow"]
        return flow?["id"]?.stringValue ?? flow?.stringValue
            ?? (method.hasPrefix("flow.") ? params["id"]?.stringValue : nil)
    }
}
