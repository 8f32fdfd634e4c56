/// Reads edits of bodies and messages.
enum BodyReader {
    /// `{pattern, with}`, or a list of them.
    static func substitutions(_ value: RuleValue) throws(RuleError) -> [Substitution] {
        var substitutions: [Substitution] = []
        for element in value.oneOrMore { substitutions.append(try substitution(element)) }
        return substitutions
    }

    private static func substitution(_ value: RuleValue) throws(RuleError) -> Substitution {
        let members = try value.members(["pattern", "with"])
        guard let pattern = members["pattern"], let with = members["with"] else {
            throw value.fault("pattern, a regular expression, and with, the replacement of each match, are needed")
        }
        let (expression, content) = (PythonPattern(try pattern.text("a regular expression")), try replacement(with))
        do throws(ActionFailure) {
            return try Substitution(expression, content)
        } catch {
            throw pattern.fault(error.description)
        }
    }

    /// A text, or `{file: PATH}`.
    private static func replacement(_ value: RuleValue) throws(RuleError) -> Content {
        if value.isNull { return .bytes([]) }
        let allowed = "a text, or a mapping with file"
        guard value.isMapping else { return .bytes(Array(try value.text(allowed).utf8)) }
        guard let file = try value.members(["file"])["file"] else { throw value.refused(allowed) }
        return .file(try AnswerReader.file(file))
    }

    /// A mapping of paths to values.
    static func jsonSetting(_ value: RuleValue) throws(RuleError) -> JSONEdit {
        var changes: [JSONEdit.Change] = []
        for (key, value) in try value.members() {
            changes.append(JSONEdit.Change(path: try path(key), value: try value.json()))
        }
        return JSONEdit(changes: changes)
    }

    static func jsonRemoval(_ value: RuleValue) throws(RuleError) -> JSONEdit {
        var changes: [JSONEdit.Change] = []
        for element in value.oneOrMore { changes.append(JSONEdit.Change(path: try path(element), value: nil)) }
        return JSONEdit(changes: changes)
    }

    private static func path(_ value: RuleValue) throws(RuleError) -> [JSONEdit.Step] {
        let allowed = "a path of a member, such as user.name or items.*.price"
        guard let path = JSONEdit.path(try value.text(allowed)) else { throw value.refused(allowed) }
        return path
    }
}
