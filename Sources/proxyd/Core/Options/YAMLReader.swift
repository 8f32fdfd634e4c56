package import AddonProtocol
package import Yams

/// Turns YAML nodes into JSON values, within a budget, so that nested aliases cannot exhaust memory.
package struct YAMLReader {
    let path: String
    private var nodesLeft = 10_000

    init(path: String) {
        self.path = path
    }

    /// `FILE:LINE` of a node.
    func origin(of node: Node) -> String {
        node.mark.map { "\(path):\($0.line)" } ?? path
    }

    /// Reads the name of a member.
    func key(_ node: Node) throws(OptionError) -> String {
        guard let text = node.scalar?.string else {
            throw OptionError(reason: .other("expected a name before the colon"), at: node, of: path)
        }
        return text
    }

    /// Reads a value.
    mutating func json(_ node: Node) throws(OptionError) -> JSONValue {
        nodesLeft -= 1
        guard nodesLeft > 0 else {
            throw OptionError(reason: .other("there are more than 10000 values"), at: node, of: path)
        }
        switch node {
        case .scalar(let scalar): return Self.json(scalar, in: node)
        case .alias: throw OptionError(reason: .other("an alias is not allowed here"), at: node, of: path)
        case .sequence(let sequence):
            var elements: [JSONValue] = []
            for element in sequence { elements.append(try json(element)) }
            return .array(elements)
        case .mapping(let mapping):
            var members: [JSONValue.Member] = []
            for (name, value) in mapping { members.append(JSONValue.Member(try key(name), try json(value))) }
            return .object(members)
        }
    }

    /// Reads a plain scalar by YAML's rules; whatever is not null, boolean or a number is text. That includes `1:30`,
    /// which YAML 1.1 reads as a number to base 60; Yams traps when such a number is too large.
    package static func json(_ scalar: Node.Scalar, in node: Node) -> JSONValue {
        if node.null != nil { return .null }
        if let value = node.bool { return .bool(value) }
        if scalar.string.contains(":") { return .string(scalar.string) }
        if let value = node.int { return .integer(value) }
        if let value = node.float { return .number(value) }
        return .string(scalar.string)
    }
}

extension OptionError {
    init(reason: Reason, at node: Node, of path: String) {
        self.init(reason: reason, origin: YAMLReader(path: path).origin(of: node))
    }

    /// Wraps libyaml's error, with the line that it concerns.
    init(yamlError error: any Error, path: String) {
        let fault = YAMLFault(error)
        self.init(reason: .other(fault.text), origin: fault.mark.map { "\(path):\($0.line)" } ?? path)
    }
}

/// libyaml's message, and the position that it concerns.
package struct YAMLFault {
    /// The message.
    package let text: String
    /// The position, if libyaml gave one.
    package let mark: Mark?

    /// Reads the message and position from an error of Yams.
    package init(_ error: any Error) {
        switch error as? YamlError {
        case .scanner(_, let problem, let mark, _), .parser(_, let problem, let mark, _),
            .composer(_, let problem, let mark, _):
            (text, self.mark) = ("YAML syntax: \(problem)", mark)
        case .duplicatedKeysInMapping(let names, let context):
            (text, mark) = ("set twice: \(names.joined(separator: ", "))", context.mark)
        case .reader(let problem, _, _, _): (text, mark) = ("YAML syntax: \(problem)", nil)
        case .no, .memory, .writer, .emitter, .representer, .dataCouldNotBeDecoded, nil:
            (text, mark) = ("\(error)", nil)
        }
    }
}
