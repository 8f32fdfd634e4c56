import AddonProtocol

/// One place of a flow that an addon changed, or wants to change.
struct Change: Sendable, Equatable {
    var path: String
    var before: JSONValue
    var after: JSONValue

    /// An element of the `changes` of `flow.blame`.
    init(blamed json: JSONValue) {
        path = json.text("path")
        before = json["before"] ?? .null
        after = json["after"] ?? .null
    }

    init(path: String, before: JSONValue, after: JSONValue) {
        self.path = path
        self.before = before
        self.after = after
    }

    /// `+ path: after`, `- path: before`, `~ path: before → after`.
    func line(_ terminal: Terminal) -> String {
        let (before, after) = (Self.shown(before), Self.shown(after))
        let path = escapedForTerminal(path)
        if self.before.isNull { return terminal.styled("+ \(path): \(after)", .green) }
        if self.after.isNull { return terminal.styled("- \(path): \(before)", .red) }
        return terminal.styled("~ \(path): \(before) → \(after)", .yellow)
    }

    private static let longest = 200

    private static func shown(_ value: JSONValue) -> String { cut(JSONText.line(value), toColumns: longest) }
}

extension Change {
    /// The changes that a reply's merge patch makes to the event's params.
    ///
    /// - Parameters:
    ///   - params: the event's params; nil when they are not known, so no previous values are shown.
    ///   - hidesBodies: whether null stands for bytes that the frame leaves out.
    static func made(
        by patch: JSONValue,
        of params: JSONValue?,
        at path: String = "",
        hidesBodies: Bool = false
    ) -> [Change] {
        guard let members = patch.members, patch.bytesValue == nil else {
            let before = params ?? .null
            if hidesBodies, patch.isNull, path.hasSuffix(".content") || path == "data" {
                return [Change(path: path, before: .null, after: "(--bodies shows it)")]
            }
            return before == patch ? [] : [Change(path: path, before: before, after: patch)]
        }
        return members.flatMap { member in
            let before =
                path.hasSuffix("headers") || path.hasSuffix("trailers")
                ? field(member.name, of: params) : params?[member.name]
            let inner = path.isEmpty ? member.name : "\(path).\(member.name)"
            return made(by: member.value, of: before, at: inner, hidesBodies: hidesBodies)
        }
    }

    /// The value of a header field, or the list of them.
    private static func field(_ name: String, of fields: JSONValue?) -> JSONValue? {
        let values = (fields?.arrayValue ?? []).compactMap { field -> JSONValue? in
            guard let pair = field.arrayValue, pair.count == 2 else { return nil }
            return pair[0].text.lowercased() == name.lowercased() ? pair[1] : nil
        }
        return values.count > 1 ? .array(values) : values.first
    }
}
