/// Reads header fields.
enum HeaderReader {
    static func name(_ value: RuleValue) throws(RuleError) -> String {
        let name = try value.text("the name of a header field")
        guard HeaderEdit.isName(name) else { throw value.refused("the name of a header field") }
        return name
    }

    /// A mapping of names to values, or to lists of values.
    ///
    /// - Parameter takesNull: whether null is allowed; it means no values.
    static func fields(_ value: RuleValue, takesNull: Bool) throws(RuleError) -> [(name: String, values: [String])] {
        var fields: [(name: String, values: [String])] = []
        for (key, value) in try value.members() {
            try check(key)
            let isNone = takesNull && value.isNull
            fields.append((try name(key), isNone ? [] : try values(value)))
        }
        return fields
    }

    private static func check(_ key: RuleValue) throws(RuleError) {
        let name = try name(key)
        guard HeaderEdit.maySet(name) else { throw key.fault("\(name) follows from the body and cannot be set") }
    }

    private static func values(_ value: RuleValue) throws(RuleError) -> [String] {
        var values: [String] = []
        for element in value.oneOrMore {
            let text = try element.text("a text without control characters, or a list of them")
            guard HeaderEdit.isValue(text) else { throw element.refused("a text without control characters") }
            values.append(text)
        }
        return values
    }
}
