internal import CYaml

/// Scans a YAML text before it is parsed, so that nested aliases neither fill the memory nor take hours to compare.
struct YAMLOutline {
    /// An open mapping or list.
    private struct Level {
        let isMapping: Bool
        let anchor: String?
        var count = 1
        var children = 0

        var isAtName: Bool { isMapping && children.isMultiple(of: 2) }
    }

    /// The number of values that each anchor stands for.
    private var counts: [String: Int] = [:]
    private var levels: [Level] = []

    /// - Throws: for names that are not scalars, and for too many values once aliases are expanded.
    ///   Invalid YAML is left to the parser.
    static func check(_ text: String, _ source: RuleSource) throws(RuleError) {
        var text = text
        let fault = text.withUTF8 { bytes -> RuleError? in
            var parser = yaml_parser_t()
            guard yaml_parser_initialize(&parser) == 1 else { return nil }
            defer { yaml_parser_delete(&parser) }
            yaml_parser_set_input_string(&parser, bytes.baseAddress, bytes.count)
            var outline = YAMLOutline()
            while true {
                var event = yaml_event_t()
                guard yaml_parser_parse(&parser, &event) == 1 else { return nil }
                defer { yaml_event_delete(&event) }
                guard event.type != YAML_STREAM_END_EVENT else { return nil }
                if let reason = outline.take(event) {
                    let mark = event.start_mark
                    return RuleError("\(source.name):\(mark.line + 1):\(mark.column + 1)", reason)
                }
            }
        }
        if let fault { throw fault }
    }

    /// - Returns: the fault, if there is one.
    private mutating func take(_ event: yaml_event_t) -> String? {
        switch event.type {
        case YAML_SCALAR_EVENT:
            return add(1, Self.text(event.data.scalar.anchor))
        case YAML_ALIAS_EVENT:
            guard levels.last?.isAtName != true else { return Self.noName }
            return add(Self.text(event.data.alias.anchor).flatMap { counts[$0] } ?? 1, nil)
        case YAML_SEQUENCE_START_EVENT, YAML_MAPPING_START_EVENT:
            guard levels.last?.isAtName != true else { return Self.noName }
            let isMapping = event.type == YAML_MAPPING_START_EVENT
            let anchor = isMapping ? event.data.mapping_start.anchor : event.data.sequence_start.anchor
            levels.append(Level(isMapping: isMapping, anchor: Self.text(anchor)))
            return nil
        case YAML_SEQUENCE_END_EVENT, YAML_MAPPING_END_EVENT:
            return levels.popLast().flatMap { add($0.count, $0.anchor) }
        default:
            return nil
        }
    }

    private mutating func add(_ count: Int, _ anchor: String?) -> String? {
        if let anchor { counts[anchor] = count }
        guard !levels.isEmpty else { return nil }
        levels[levels.count - 1].count += count
        levels[levels.count - 1].children += 1
        let isTooMany = levels[levels.count - 1].count > RuleSource.totalLimit
        return isTooMany ? "more than \(RuleSource.totalLimit) values, aliases included" : nil
    }

    private static let noName = "a name is a text, not a list, mapping or alias"

    private static func text(_ anchor: UnsafeMutablePointer<yaml_char_t>?) -> String? {
        anchor.map { String(cString: $0) }
    }
}
