import AddonProtocol

/// Header fields whose values are hidden from an addon, and what it means when the addon sends them back.
final class Redaction: Sendable {
    static let mark = "«redacted»"

    /// The names, in lower case.
    private let names: Set<String>
    private var hidesLogins: Bool { names.contains("proxy-authorization") }

    /// Nil when there is nothing to hide.
    init?(_ names: [String]) {
        guard !names.isEmpty else { return nil }
        self.names = Set(names.map { $0.lowercased() })
    }

    // MARK: Hiding

    /// Replaces every value of the fields with the mark: in `headers` and `trailers`, in the changes that `flow.blame`
    /// shows, and, for `proxy-authorization`, in the passwords of clients.
    func redacted(_ json: JSONValue) -> JSONValue {
        switch json {
        case .array(let elements): return .array(elements.map(redacted))
        case .object(let members):
            let hidesChange = json["path"]?.stringValue.map(isPathOfField) ?? false
            return .object(
                members.map { member in
                    if hidesChange, ["before", "after", "reason"].contains(member.name) {
                        return .init(member.name, mark(of: member.value))
                    }
                    return .init(member.name, redacted(member))
                }
            )
        case .null, .bool, .integer, .number, .string: return json
        }
    }

    /// Redacts an encoded object that lacks its closing brace, such as a snapshot.
    func redacted(_ members: [UInt8]) -> [UInt8] {
        let object = try? JSONReader.read(members + [UInt8(ascii: "}")], maximumDepth: Limits.ownDepth)
        return redacted(object ?? [:]).encoded().dropLast()
    }

    private func redacted(_ member: JSONValue.Member) -> JSONValue {
        switch member.name {
        case "headers", "trailers": redactedFields(member.value)
        case "proxyauth" where hidesLogins: redactedLogin(member.value)
        case "password" where hidesLogins: mark(of: member.value)
        case "content_type" where hides("content-type"): mark(of: member.value)
        case "data_client", "data_server": redactedLines(member.value)
        default: redacted(member.value)
        }
    }

    /// Redacts `[[name, value], …]`, or the `{name: value}` of a patch.
    private func redactedFields(_ fields: JSONValue) -> JSONValue {
        if let members = fields.members {
            return .object(members.map { hides($0.name) ? .init($0.name, mark(of: $0.value)) : $0 })
        }
        guard let pairs = fields.arrayValue else { return fields }
        return .array(
            pairs.map { pair in
                guard let pair = pair.arrayValue, pair.count == 2, hides(pair[0]) else { return pair }
                return [pair[0], mark(of: pair[1])]
            }
        )
    }

    private func redactedLines(_ data: JSONValue) -> JSONValue {
        data.bytesValue.map { JSONValue(bytes: redactedLines($0)) } ?? data
    }

    /// Redacts `name: value` lines, as in a head. The names stay, and so does the name of a login in metadata.
    func redactedLines(_ bytes: [UInt8]) -> [UInt8] {
        var lines = bytes.split(separator: UInt8(ascii: "\n"), omittingEmptySubsequences: false)
        for (index, line) in lines.enumerated() {
            guard let colon = line.firstIndex(of: UInt8(ascii: ":")) else { continue }
            let name = String(decoding: line[..<colon], as: UTF8.self)
            guard hides(name) || (hidesLogins && name == "proxyauth") else { continue }
            let end = line.last == UInt8(ascii: "\r") ? "\r" : ""
            lines[index] = (Array(line[...colon]) + Array(" \(Self.mark)\(end)".utf8))[...]
        }
        return Array(lines.joined(separator: [UInt8(ascii: "\n")]))
    }

    /// Redacts `["name", "password"]`.
    private func redactedLogin(_ login: JSONValue) -> JSONValue {
        guard let login = login.arrayValue, login.count == 2 else { return mark(of: login) }
        return [login[0], mark(of: login[1])]
    }

    /// The mark in place of a value, or of each value in a list; null stays, since it only says that there is none.
    private func mark(of value: JSONValue) -> JSONValue {
        switch value {
        case .null: .null
        case .array(let values): .array(values.map(mark))
        case .bool, .integer, .number, .string, .object: .string(Self.mark)
        }
    }

    private func isPathOfField(_ path: String) -> Bool {
        if hidesLogins, path.hasPrefix("metadata.proxyauth") { return true }
        for part in [".headers.", ".trailers."] {
            if let range = path.firstRange(of: part), hides(String(path[range.upperBound...])) { return true }
        }
        return false
    }

    /// Whether the values of this field are hidden.
    func hides(_ name: String) -> Bool { names.contains(name.lowercased()) }

    private func hides(_ name: JSONValue) -> Bool {
        name.bytesValue.map { hides(String(decoding: $0, as: UTF8.self)) } ?? false
    }

    // MARK: Restoring

    /// Returns the patch with the flow's values in place of the marks that the addon sent back.
    ///
    /// - Parameter original: the patched object, with its real values.
    /// - Throws: when a mark stands where there was no value.
    func restored(_ patch: JSONValue, from original: JSONValue, at path: String) throws(PatchRefusal) -> JSONValue {
        switch patch {
        case .array(let elements):
            var restored: [JSONValue] = []
            for (index, element) in elements.enumerated() {
                let old = original.arrayValue.flatMap { $0.indices.contains(index) ? $0[index] : nil } ?? .null
                restored.append(try self.restored(element, from: old, at: path))
            }
            return .array(restored)
        case .object(let members):
            var restored: [JSONValue.Member] = []
            for member in members {
                let (old, place) = (original[member.name] ?? .null, "\(path).\(member.name)")
                let isFields = member.name == "headers" || member.name == "trailers"
                let value =
                    if isFields {
                        try restoredFields(member.value, from: old, at: place)
                    } else if let login = restoredLogin(member, from: old) {
                        login
                    } else {
                        try self.restored(member.value, from: old, at: place)
                    }
                restored.append(.init(member.name, value))
            }
            return .object(restored)
        case .null, .bool, .integer, .number, .string: return patch
        }
    }

    private func restoredLogin(_ member: JSONValue.Member, from original: JSONValue) -> JSONValue? {
        guard hidesLogins, member.name == "proxyauth", member.value == redactedLogin(original) else { return nil }
        return original
    }

    private func restoredFields(
        _ patch: JSONValue,
        from original: JSONValue,
        at path: String
    ) throws(PatchRefusal) -> JSONValue {
        if let members = patch.members {
            var result: [JSONValue.Member] = []
            for member in members {
                let values = hides(member.name) ? original.fieldValues(member.name) : []
                result.append(.init(member.name, try restored(member, from: values, at: path)))
            }
            return .object(result)
        }
        var result: [JSONValue] = []
        var counts: [String: Int] = [:]
        for pair in patch.arrayValue ?? [] {
            guard let field = pair.arrayValue, field.count == 2, hides(field[0]) else {
                result.append(pair)
                continue
            }
            let name = String(decoding: field[0].bytesValue ?? [], as: UTF8.self).lowercased()
            let number = counts[name, default: 0]
            counts[name] = number + 1
            let values = original.fieldValues(name)
            result.append([field[0], try restored(field[1], number, from: values, at: "\(path).\(name)")])
        }
        return patch.arrayValue == nil ? patch : .array(result)
    }

    /// Restores a field of a `{name: value}` patch: a single mark stands for all values of the name, a mark in a list
    /// for one.
    private func restored(
        _ member: JSONValue.Member,
        from values: [JSONValue],
        at path: String
    ) throws(PatchRefusal) -> JSONValue {
        guard hides(member.name) else { return member.value }
        let place = "\(path).\(member.name)"
        guard let list = member.value.arrayValue else {
            let first = try restored(member.value, 0, from: values, at: place)
            return member.value == .string(Self.mark) && values.count > 1 ? .array(values) : first
        }
        var result: [JSONValue] = []
        for (number, value) in list.enumerated() {
            result.append(try restored(value, number, from: values, at: place))
        }
        return .array(result)
    }

    /// The n-th mark of a name stands for its n-th value.
    private func restored(
        _ value: JSONValue,
        _ number: Int,
        from values: [JSONValue],
        at path: String
    ) throws(PatchRefusal) -> JSONValue {
        guard value == .string(Self.mark) else { return value }
        guard values.indices.contains(number) else {
            throw PatchRefusal(path, "\(Self.mark) stands for a value that is not there")
        }
        return values[number]
    }
}

extension Redaction: Hashable {
    static func == (one: Redaction, other: Redaction) -> Bool { one === other || one.names == other.names }

    func hash(into hasher: inout Hasher) { hasher.combine(names) }
}

extension JSONValue {
    /// The values of a field in `[[name, value], …]`.
    fileprivate func fieldValues(_ name: String) -> [JSONValue] {
        let wanted = name.lowercased()
        return (arrayValue ?? []).compactMap { pair in
            guard let pair = pair.arrayValue, pair.count == 2, let name = pair[0].bytesValue else { return nil }
            return String(decoding: name, as: UTF8.self).lowercased() == wanted ? pair[1] : nil
        }
    }
}
