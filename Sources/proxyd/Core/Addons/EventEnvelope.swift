import AddonProtocol

/// The JSON-RPC around the params of what one addon is sent; what does not change is written once.
struct EventEnvelope {
    private static let heads = Dictionary(
        uniqueKeysWithValues: Event.allCases.map { ($0, Array(",\"method\":\"\($0.rawValue)\",\"params\":".utf8)) }
    )

    private let addon: String
    private let lastMember: [UInt8]
    private var lastMemberOfRequest: (deadlineMilliseconds: Int, json: [UInt8])

    init(addon: String) {
        self.addon = addon
        lastMember = Self.meta(addon, nil)
        lastMemberOfRequest = (0, Self.meta(addon, 0))
    }

    /// All before the params of an event whose reply is waited for.
    func request(_ event: Event, id: Int) -> [UInt8] {
        var head: [UInt8] = []
        head.reserveCapacity(96)
        head += "{\"jsonrpc\":\"2.0\",\"id\":".utf8
        head += String(id).utf8
        head += Self.heads[event] ?? []
        return head
    }

    func notification(_ method: String) -> [UInt8] {
        Array("{\"jsonrpc\":\"2.0\",\"method\":\"\(method)\",\"params\":".utf8)
    }

    /// All after the members of an event's params: `_meta`, which is the last of them, and the brackets that close.
    ///
    /// - Parameter members: an object without its closing brace.
    mutating func end(of members: [UInt8], deadlineMilliseconds: Int) -> [UInt8] {
        if lastMemberOfRequest.deadlineMilliseconds != deadlineMilliseconds {
            lastMemberOfRequest = (deadlineMilliseconds, Self.meta(addon, deadlineMilliseconds))
        }
        return Self.after(members, lastMemberOfRequest.json)
    }

    func end(of members: [UInt8]) -> [UInt8] { Self.after(members, lastMember) }

    private static func after(_ members: [UInt8], _ json: [UInt8]) -> [UInt8] {
        members.count > 1 ? json : Array(json.dropFirst())
    }

    private static func meta(_ addon: String, _ deadlineMilliseconds: Int?) -> [UInt8] {
        var writer = JSONWriter()
        writer.key("_meta")
        writer.beginObject()
        if let deadlineMilliseconds {
            writer.key("deadline_ms")
            writer.integer(deadlineMilliseconds)
        }
        writer.field("addon", addon)
        writer.endObject()
        return Array(",".utf8) + writer.bytes + Array("}}".utf8)
    }
}
