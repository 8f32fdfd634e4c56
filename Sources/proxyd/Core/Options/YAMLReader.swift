package import AddonProtocol
package import Yams

/// Turns YAML nodes into JSON values, within a budget, so that aliases of aliases cannot fill the memory.
package struct YAMLReader {
    let path: String
    private var nodesLeft = 10_000

    init(path: String) {
        self.path = path
    }

    func origin(of node: Node) -> String {
        node.mark.map { "\(path):\($0.line)" } ?? path
    }

    func key(_ node: Node) throws(OptionError) -> String {
        guard let text = node.scalar?.string else {
            throw OptionError(reason: .other("a name must stand before the colon"), at: node, of: path)
        }
        return text
    }

    mutating func json(_ node: Node) throws(OptionError) -> JSONValue {
        nodesLeft -= 1
        guard nodesLeft > 0 else {
            throw OptionError(reason: .other("more than 10000 values"), at: node, of: path)
        }
        switch node {
        case .scalar(let scalar): return Self.json(scalar, in: node)
        case .alias: throw OptionError(reason: .other("an alias cannot stand here"), at: node, of: path)
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

    /// The value that YAML's rules for plain scalars give; whatever is neither null, boolean nor number is text. So is `1:30`,
    /// which YAML 1.1 takes for a number to the base of 60, and Yams traps at when it is too large.
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

    /// libyaml's complaint with the line it is about.
    init(yamlError error: any Error, path: String) {
        let fault = YAMLFault(error)
        self.init(reason: .other(fault.text), origin: fault.mark.map { "\(path):\($0.line)" } ?? path)
    }
}

/// What libyaml complains of, and where.
package struct YAMLFault {
    package let text: String
    package let mark: Mark?

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
