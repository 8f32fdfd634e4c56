import AddonProtocol

extension JSONValue {
    /// What a Bytes value says; empty when this is none.
    var text: String { stringValue ?? String(decoding: bytesValue ?? [], as: UTF8.self) }

    /// With this value for a member of an object.
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

    /// A row with the flow's key in front, and whether it was imported.
    func keyed(_ key: Int, isImported: Bool = false) -> JSONValue {
        .object([.init("key", .integer(key))] + (members ?? []) + [.init("imported", .bool(isImported))])
    }

    /// The Content-Type of a message, as a snapshot has it; empty without one.
    var contentType: String {
        let field = (self["headers"]?.arrayValue ?? []).first {
            $0.arrayValue?.first?.text.lowercased() == "content-type"
        }
        return field?.arrayValue?.last?.text ?? ""
    }
}
