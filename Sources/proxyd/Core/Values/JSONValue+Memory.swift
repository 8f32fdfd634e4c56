import AddonProtocol

extension JSONValue {
    /// Roughly how much memory the value takes, in bytes.
    var memoryByteCount: Int {
        let own = MemoryLayout<JSONValue>.stride
        switch self {
        case .null, .bool, .integer, .number: return own
        case .string(let text): return own + text.utf8.count
        case .array(let elements): return elements.reduce(own) { $0 + $1.memoryByteCount }
        case .object(let members):
            let names = members.reduce(0) { $0 + MemoryLayout<Member>.stride + $1.name.utf8.count }
            return members.reduce(own + names) { $0 + $1.value.memoryByteCount }
        }
    }

    /// Whether this patch of a flow may change how much memory the flow takes. Most patches only change heads.
    var changesMemory: Bool {
        guard let members else { return false }
        return members.contains { member in
            let isMessage = member.name == "request" || member.name == "response"
            guard isMessage, let parts = member.value.members else { return true }
            return parts.contains { $0.name == "content" }
        }
    }

    /// The bytes of its strings and member names. Encoded as JSON, the value is longer.
    var textByteCount: Int {
        switch self {
        case .null, .bool, .integer, .number: 1
        case .string(let text): text.utf8.count
        case .array(let elements): elements.reduce(0) { $0 + $1.textByteCount }
        case .object(let members): members.reduce(0) { $0 + $1.name.utf8.count + $1.value.textByteCount }
        }
    }
}
