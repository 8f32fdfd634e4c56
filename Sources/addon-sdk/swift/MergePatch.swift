import AddonProtocol

/// Builds a JSON Merge Patch (RFC 7396) of an object.
struct MergePatch {
    private var members: [JSONValue.Member]

    init(_ members: [JSONValue.Member] = []) {
        self.members = members
    }

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
    /// The text of a member that is a Bytes value; empty when it is not.
    func text(_ name: String) -> String { self[name]?.text ?? "" }
}

extension LazyJSON {
    /// The text of a member that is a Bytes value; empty when it is not.
    func text(_ name: String) -> String { self[name]?.value.text ?? "" }
}

extension JSONValue {
    /// The text of a Bytes value; empty when the value is not one.
    var text: String { stringValue ?? String(decoding: bytesValue ?? [], as: UTF8.self) }
}
