import AddonProtocol

/// JSON Merge Patches (RFC 7396) made from what a user wrote.
enum MergeDifference {
    /// The patch that turns `old` into `new`; nil when they are equal. Bytes and lists are replaced as a whole.
    static func patch(from old: JSONValue, to new: JSONValue) -> JSONValue? {
        if old == new { return nil }
        guard let before = old.members, let after = new.members, old.bytesValue == nil, new.bytesValue == nil else {
            return new
        }
        let removed = before.filter { new[$0.name] == nil }.map { JSONValue.Member($0.name, .null) }
        let changed = after.compactMap { member in
            patch(from: old[member.name] ?? .null, to: member.value).map { JSONValue.Member(member.name, $0) }
        }
        return .object(removed + changed)
    }

    /// The object with the member at `path` set.
    static func setting(_ path: ArraySlice<Substring>, to value: JSONValue, in object: JSONValue) -> JSONValue {
        guard let name = path.first else { return value }
        var members = object.members ?? []
        let inner = setting(path.dropFirst(), to: value, in: object[String(name)] ?? [:])
        if let index = members.firstIndex(where: { $0.name == name }) {
            members[index].value = inner
        } else {
            members.append(.init(String(name), inner))
        }
        return .object(members)
    }
}
