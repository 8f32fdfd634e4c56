import AddonProtocol

/// A place where an addon behaves differently from when it was recorded.
struct Difference: Equatable {
    /// The event or call: `request 7, flow 3f2`.
    let subject: String
    /// Where in its reply; empty: the whole reply.
    let path: String
    let recorded: String
    let now: String

    var text: String {
        let place = path.isEmpty ? subject : "\(subject): \(path)"
        return "\(place): recorded \(recorded), now \(now)"
    }

    var json: JSONValue {
        ["subject": .string(subject), "path": .string(path), "recorded": .string(recorded), "now": .string(now)]
    }
}

extension Difference {
    /// Compares two replies path by path. Bytes are equal in either encoding, and a reply of null means the same as `{}`.
    ///
    /// - Parameter most: the most differences to return; of the others only the count is.
    static func between(
        _ recorded: AddonTalk.Reply,
        _ now: AddonTalk.Reply,
        _ subject: String,
        most: Int = .max
    ) -> (shown: [Difference], count: Int) {
        var (found, count): ([Difference], Int) = ([], 0)
        compare(recorded.json.withoutNothing, now.json.withoutNothing, "") { path, texts in
            count += 1
            guard found.count < most else { return }
            let (old, new) = texts()
            found.append(Difference(subject: subject, path: path, recorded: old, now: new))
        }
        return (found, count)
    }

    private static func compare(
        _ old: JSONValue?,
        _ new: JSONValue?,
        _ path: String,
        _ report: (String, () -> (String, String)) -> Void
    ) {
        guard let old, let new else {
            if old != nil || new != nil { report(path) { (shown(old), shown(new)) } }
            return
        }
        if old == new { return }
        if let oldBytes = old.bytesValue, let newBytes = new.bytesValue {
            if oldBytes != newBytes { report(path) { excerpts(oldBytes, newBytes) } }
            return
        }
        switch (old, new) {
        case (.object(let oldMembers), .object(let newMembers)):
            let (oldValues, newValues) = (values(oldMembers), values(newMembers))
            for name in oldMembers.map(\.name) + newMembers.map(\.name).filter({ oldValues[$0] == nil }) {
                compare(oldValues[name], newValues[name], path.isEmpty ? name : "\(path).\(name)", report)
            }
        case (.array(let oldElements), .array(let newElements)) where oldElements.count == newElements.count:
            for (index, (old, new)) in zip(oldElements, newElements).enumerated() {
                compare(old, new, "\(path)[\(index)]", report)
            }
        default:
            if let old = old.doubleValue, old == new.doubleValue { return }
            report(path) { (shown(old), shown(new)) }
        }
    }

    private static func values(_ members: [JSONValue.Member]) -> [String: JSONValue] {
        Dictionary(members.map { ($0.name, $0.value) }) { first, _ in first }
    }

    private static let shownCharacters = 120

    private static func shown(_ value: JSONValue?) -> String {
        guard let value else { return "nothing" }
        let text = "\(value)"
        return text.count <= shownCharacters ? text : text.prefix(shownCharacters) + "…"
    }

    /// An excerpt of each around the first byte that differs.
    private static func excerpts(_ old: [UInt8], _ new: [UInt8]) -> (String, String) {
        let first = zip(old, new).prefix { $0 == $1 }.count
        let start = old.count <= shownCharacters && new.count <= shownCharacters ? 0 : max(0, first - 20)
        func excerpt(_ bytes: [UInt8]) -> String {
            let part = bytes[min(start, bytes.count)...].prefix(shownCharacters)
            let text = "\(JSONValue(bytes: Array(part)))"
            return start == 0 ? text : "…\(text) (from byte \(start))"
        }
        return (excerpt(old), excerpt(new))
    }
}

extension JSONValue {
    /// Without a `result` that changes nothing.
    fileprivate var withoutNothing: JSONValue {
        guard let result = self["result"], result.isNull || result.members?.isEmpty == true else { return self }
        return ["result": .null]
    }
}
