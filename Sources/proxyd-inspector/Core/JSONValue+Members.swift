import AddonProtocol

extension JSONValue {
    /// The content of a Bytes value as text; empty when the value is not one.
    var text: String { stringValue ?? String(decoding: bytesValue ?? [], as: UTF8.self) }

    /// The object with this value for a member.
    func setting(_ name: String, _ value: JSONValue) -> JSONValue {
        guard case .object(var members) = self else { return self }
        if let index = members.firstIndex(where: { $0.name == name }) {
            members[index].value = value
        } else {
            members.append(.init(name, value))
        }
        return .object(members)
    }

    func without(_ name: String) -> JSONValue {
        guard case .object(let members) = self else { return self }
        return .object(members.filter { $0.name != name })
    }

    /// The row preceded by the flow's key, and whether it was imported.
    func keyed(_ key: Int, isImported: Bool = false) -> JSONValue {
        .object([.init("key", .integer(key))] + (members ?? []) + [.init("imported", .bool(isImported))])
    }

    /// The Content-Type of a message in a snapshot; empty when there is none.
    var contentType: String {
        let field = (self["headers"]?.arrayValue ?? []).first {
            $0.arrayValue?.first?.text.lowercased() == "content-type"
        }
        return field?.arrayValue?.last?.text ?? ""
    }
}
