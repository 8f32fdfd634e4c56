import AddonProtocol
import ProxyCore
import Yams

/// A value of a rules file, with its position in the file.
struct RuleValue {
    let node: Node
    let source: RuleSource

    var origin: String { source.origin(node.mark) }

    func fault(_ reason: String) -> RuleError { RuleError(origin, reason) }

    /// - Parameter allowed: completes "allowed is …".
    func refused(_ allowed: String) -> RuleError {
        let found = scalar.map { "\"\($0.prefix(80))\"" } ?? (node.mapping == nil ? "a list" : "a mapping")
        return fault("\(found) is not allowed; allowed is \(allowed)")
    }

    /// The text of a scalar, quoted or not.
    var scalar: String? { node.scalar?.string }
    var isNull: Bool { node.null != nil }
    var isMapping: Bool { node.mapping != nil }
    var isList: Bool { node.sequence != nil }
    /// True or false; nil when the value is not a boolean.
    var flag: Bool? { node.scalar == nil ? nil : node.bool }

    func text(_ allowed: String = "a text") throws(RuleError) -> String {
        guard let scalar, !isNull else { throw refused(allowed) }
        return scalar
    }

    func bool() throws(RuleError) -> Bool {
        guard let flag else { throw refused("true or false") }
        return flag
    }

    func integer(in range: ClosedRange<Int>, _ allowed: String) throws(RuleError) -> Int {
        guard let number = scalar.flatMap({ Int($0) }), range.contains(number) else {
            throw refused("\(allowed) from \(range.lowerBound) to \(range.upperBound)")
        }
        return number
    }

    func fraction() throws(RuleError) -> Double {
        guard let number = scalar.flatMap({ Double($0) }), (0...1).contains(number) else {
            throw refused("a number from 0 to 1")
        }
        return number
    }

    func size(in range: ClosedRange<Int>, _ allowed: String) throws(RuleError) -> Int {
        guard let bytes = scalar.flatMap({ ByteSize.parse($0) }), range.contains(bytes) else {
            throw refused(allowed)
        }
        return bytes
    }

    func duration(upTo limit: Duration) throws(RuleError) -> Duration {
        let units: [(String, Double)] = [("ms", 1), ("s", 1000), ("m", 60_000)]
        guard let text = scalar, let unit = units.first(where: { text.hasSuffix($0.0) }),
            let number = Double(text.dropLast(unit.0.count)), number >= 0, number.isFinite,
            number * unit.1 <= Double(limit.components.seconds) * 1000
        else { throw refused("a time from 0ms to \(limit.components.seconds)s, such as 300ms or 1.5s") }
        return .microseconds(Int64(number * unit.1 * 1000))
    }

    func list() throws(RuleError) -> [RuleValue] {
        guard let sequence = node.sequence else { throw refused("a list") }
        return sequence.map { RuleValue(node: $0, source: source) }
    }

    /// The elements of a list, or the value itself.
    var oneOrMore: [RuleValue] { node.sequence?.map { RuleValue(node: $0, source: source) } ?? [self] }

    func members() throws(RuleError) -> [(key: RuleValue, value: RuleValue)] {
        guard let mapping = node.mapping else { throw refused("a mapping of names to values") }
        return mapping.map { (RuleValue(node: $0.key, source: source), RuleValue(node: $0.value, source: source)) }
    }

    /// The members of a mapping that may have only these.
    func members(_ allowed: [String]) throws(RuleError) -> [String: RuleValue] {
        var result: [String: RuleValue] = [:]
        for (key, value) in try members() {
            let name = try key.text("a name")
            guard allowed.contains(name) else { throw key.unknown(name, allowed) }
            result[name] = value
        }
        return result
    }

    /// An error that lists the allowed names, and suggests the one that was probably meant.
    func unknown(_ name: String, _ allowed: [String]) -> RuleError {
        let nearest = nearestNames(to: name, among: allowed)
        let hint = nearest.isEmpty ? "" : " (did you mean \(nearest.joined(separator: " or "))?)"
        return fault("there is no \(name)\(hint); allowed: \(allowed.joined(separator: ", "))")
    }

    /// The value as JSON, by YAML's rules.
    ///
    /// - Parameter budget: how many more values are allowed, so that nested aliases cannot fill the memory.
    func json(_ budget: inout Int) throws(RuleError) -> JSONValue {
        budget -= 1
        guard budget > 0 else { throw fault("more than \(RuleSource.valueLimit) values") }
        switch node {
        case .scalar(let scalar): return YAMLReader.json(scalar, in: node)
        case .alias: throw fault("an alias cannot stand here")
        case .sequence:
            var elements: [JSONValue] = []
            for element in try list() { elements.append(try element.json(&budget)) }
            return .array(elements)
        case .mapping:
            var members: [JSONValue.Member] = []
            for (key, value) in try self.members() {
                members.append(JSONValue.Member(try key.text("a name"), try value.json(&budget)))
            }
            return .object(members)
        }
    }

    func json() throws(RuleError) -> JSONValue {
        var budget = RuleSource.valueLimit
        return try json(&budget)
    }
}

/// The file that rules are read from.
struct RuleSource: Sendable {
    /// The most values of one rule's JSON, and the most bytes of a file.
    static let valueLimit = 10_000
    /// The most values of a file.
    static let totalLimit = 500_000
    static let sizeLimit = 1 << 20

    /// As messages name it.
    let name: String
    /// Where relative paths begin; nil: where the process runs.
    let folder: String?

    func origin(_ mark: Mark?) -> String {
        mark.map { "\(name):\($0.line):\($0.column)" } ?? name
    }

    /// A path as a user wrote it: `~` is the home folder, and a relative one begins in the folder of the file.
    func path(_ text: String) -> String {
        let path = UserPath(text).path
        guard let folder, !path.hasPrefix("/") else { return path }
        return folder + "/" + path
    }
}
