import AddonProtocol

/// A JSON Merge Patch (RFC 7396) of an object in the making.
struct MergePatch {
    private var members: [JSONValue.Member] = []

    /// nil when nothing changes.
    var json: JSONValue? { members.isEmpty ? nil : .object(members) }

    mutating func set(_ name: String, _ value: JSONValue?) {
        if let value { members.append(JSONValue.Member(name, value)) }
    }

    mutating func set(_ name: String, _ value: String, from original: String) {
        if value != original { set(name, .string(value)) }
    }
}

extension JSONValue {
    /// The text of a member that is a Bytes value; empty when there is none.
    func text(_ name: String) -> String {
        switch self[name] {
        case .string(let text): text
        case let value?: String(decoding: value.bytesValue ?? [], as: UTF8.self)
        case nil: ""
        }
    }
}
