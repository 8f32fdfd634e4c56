import AddonProtocol

/// Writes the JSON-RPC envelope around an addon's params. Constant parts are written once.
struct EventEnvelope {
    private static let request = Array("{\"jsonrpc\":\"2.0\",\"id\":".utf8)
    private static let methods = EventTable { Array(",\"method\":\"\($0.rawValue)\",\"params\":".utf8) }
    private static let notifications = EventTable { notification($0.rawValue) }

    private let addon: String
    private let lastMember: [UInt8]
    private var lastMemberOfRequest: (timeout: ReplyTimeout, json: [UInt8])

    init(addon: String) {
        self.addon = addon
        lastMember = Self.meta(addon, nil)
        lastMemberOfRequest = (.never, Self.meta(addon, .never))
    }

    /// Frames an event that expects a reply.
    ///
    /// - Parameter members: the params, as an object without its closing brace.
    mutating func request(
        _ event: Event,
        id: Int,
        _ members: [UInt8],
        _ trace: TraceContext? = nil,
        timeout: ReplyTimeout
    ) -> OutgoingFrame {
        if lastMemberOfRequest.timeout != timeout {
            lastMemberOfRequest = (timeout, Self.meta(addon, timeout))
        }
        return OutgoingFrame(
            head: Self.request,
            id: id,
            method: Self.methods[event],
            members: members,
            trace: trace,
            end: Self.end(of: members, trace, lastMemberOfRequest.json)
        )
    }

    /// Frames an event that expects no reply.
    func notification(_ event: Event, _ members: [UInt8], _ trace: TraceContext? = nil) -> OutgoingFrame {
        OutgoingFrame(
            head: Self.notifications[event],
            members: members,
            trace: trace,
            end: Self.end(of: members, trace, lastMember)
        )
    }

    /// Frames a message that is not an event, and so has no `_meta`.
    static func notification(_ method: String, _ members: [UInt8]) -> OutgoingFrame {
        OutgoingFrame(head: notification(method), members: members, end: Array("}}".utf8)[...])
    }

    private static func notification(_ method: String) -> [UInt8] {
        Array("{\"jsonrpc\":\"2.0\",\"method\":\"\(method)\",\"params\":".utf8)
    }

    /// Writes `_meta`, the last of the params. Without others, no comma precedes it. A trace is its first member; the
    /// frame writes everything before the second.
    private static func end(of members: [UInt8], _ trace: TraceContext?, _ json: [UInt8]) -> ArraySlice<UInt8> {
        if trace != nil { return json.dropFirst(OutgoingFrame.metaStart.count) }
        return members.count > 1 ? json[...] : json.dropFirst()
    }

    private static func meta(_ addon: String, _ timeout: ReplyTimeout?) -> [UInt8] {
        var writer = JSONWriter()
        writer.key("_meta")
        writer.beginObject()
        if let timeout {
            writer.key("deadline_ms")
            writer.value(timeout.json)
        }
        writer.field("addon", addon)
        writer.endObject()
        return Array(",".utf8) + writer.bytes + Array("}}".utf8)
    }
}
