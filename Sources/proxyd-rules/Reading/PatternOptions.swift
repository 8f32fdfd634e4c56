package import ProxyCore

/// mitmproxy's options of one-line patterns, read as mitmproxy reads them.
package struct PatternOptions: Sendable, Equatable {
    /// Patterns that send requests to another URL.
    package var mapRemote: [String] = []
    /// Patterns that answer requests with files.
    package var mapLocal: [String] = []
    /// Patterns that set or remove header fields.
    package var modifyHeaders: [String] = []
    /// Patterns that replace in bodies.
    package var modifyBody: [String] = []
    /// Patterns that refuse requests.
    package var blockList: [String] = []

    /// No patterns.
    package init() {}

    /// The patterns in the daemon's options.
    package init(_ options: Options) {
        mapRemote = options.mapRemote
        mapLocal = options.mapLocal
        modifyHeaders = options.modifyHeaders
        modifyBody = options.modifyBody
        blockList = options.blockList
    }

    /// The rules, in the order in which mitmproxy applies the options.
    func rules() throws(RuleError) -> [Rule] {
        var rules: [Rule] = []
        rules += try Self.rule("modify_headers", modifyHeaders, headerModification) { .modifyHeaders($0) }
        rules += try Self.rule("block_list", blockList, refusal) { .refuseListed($0) }
        for text in mapRemote { rules.append(try remoteMap(PatternOption("map_remote", text))) }
        rules += try Self.rule("map_local", mapLocal, localPattern) { .mapLocalByPattern($0) }
        for text in modifyBody { rules.append(try bodyModification(PatternOption("modify_body", text))) }
        return rules
    }

    /// One rule for several lines whose filters are decided together.
    private static func rule<Part>(
        _ option: String,
        _ texts: [String],
        _ read: (PatternOption) throws(RuleError) -> (Part, Condition?),
        _ action: ([Part]) -> RuleAction
    ) throws(RuleError) -> [Rule] {
        guard !texts.isEmpty else { return [] }
        var (parts, conditions): ([Part], [Condition?]) = ([], [])
        for text in texts {
            let (part, condition) = try read(PatternOption(option, text))
            parts.append(part)
            conditions.append(condition)
        }
        var rule = Rule(origin: option)
        rule.isAskedEachTime = true
        if conditions.allSatisfy({ $0 != nil }) {
            let any = conditions.map { "(\($0?.text ?? "~all"))" }.joined(separator: " | ")
            rule.condition = try Condition(any, at: option)
        }
        rule.add(action(parts), option)
        return [rule]
    }

    private func headerModification(_ option: PatternOption) throws(RuleError) -> (HeaderModification, Condition?) {
        let (filter, subject, replacement) = try option.parts()
        let name = String(decoding: try option.unescaped(subject), as: UTF8.self)
        guard HeaderEdit.isName(name) else { throw option.fault("\"\(name)\" is not the name of a header field") }
        guard HeaderEdit.maySet(name) || replacement.isEmpty else {
            throw option.fault("\(name) follows from the body and cannot be set")
        }
        let value = try option.content(replacement)
        if case .bytes(let bytes) = value, !HeaderEdit.isValue(String(decoding: bytes, as: UTF8.self)) {
            throw option.fault("the value has control characters")
        }
        let condition = try option.condition(filter)
        return (HeaderModification(condition: condition, name: name, value: value), condition)
    }

    private func refusal(_ option: PatternOption) throws(RuleError) -> (ListedRefusal, Condition?) {
        let parts = option.split(most: 3)
        guard parts.count == 2 else { throw option.fault("it needs 2 parts: /flow-filter/status") }
        // As mitmproxy does.
        let condition = try Condition(parts[0].lowercased(), at: option.origin)
        guard let status = Int(parts[1]), (200...999).contains(status) else {
            throw option.fault(
                "\"\(parts[1])\" is not allowed; allowed is a status from 200 to 999, of which 444 closes"
            )
        }
        return (ListedRefusal(condition: condition, refusal: status == 444 ? .close : .status(status)), condition)
    }

    private func remoteMap(_ option: PatternOption) throws(RuleError) -> Rule {
        let (filter, subject, replacement) = try option.parts()
        let substitution = try option.substitution(
            PythonPattern(subject),
            .bytes(Array(replacement.utf8)),
            isOfURL: true
        )
        return try option.rule(filter, .mapRemote(.pattern(substitution)))
    }

    private func localPattern(_ option: PatternOption) throws(RuleError) -> (LocalPattern, Condition?) {
        let (filter, subject, path) = try option.parts()
        let condition = try option.condition(filter)
        guard !path.utf8.contains(0), let path = LocalFile.resolved(UserPath(path).path) else {
            throw option.fault("there is no file or folder \(path)")
        }
        let pattern = try option.substitution(PythonPattern(subject), .bytes([]), isOfURL: true)
        return (LocalPattern(condition: condition, pattern: pattern, path: path), condition)
    }

    private func bodyModification(_ option: PatternOption) throws(RuleError) -> Rule {
        let (filter, subject, replacement) = try option.parts()
        let pattern = PythonPattern(ofBytes: try option.unescaped(subject))
        let content = try option.content(replacement)
        return try option.rule(filter, .substitute(try option.substitution(pattern, content, isOfURL: false), .both))
    }
}
