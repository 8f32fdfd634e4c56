public import AddonProtocol
import Synchronization

/// Header fields in wire order; names are compared without regard to case.
///
/// Values are text. Bytes that are not UTF-8 read as U+FFFD, and stay unchanged unless their field is set;
/// `fields` has the original bytes.
public struct Headers: Sendable, Equatable {
    /// The fields as bytes.
    public var fields: HeaderFields {
        get { storage.fields }
        _modify {
            var fields = storage.fields
            storage = .fields(HeaderFields())
            defer { storage = .fields(fields) }
            yield &fields
        }
    }

    private var storage: Storage

    /// Headers with these fields.
    public init(_ fields: HeaderFields = HeaderFields()) {
        storage = .fields(fields)
    }

    /// The list in a member of `message`, decoded at first use.
    init(reading name: String, of message: LazyJSON) {
        storage = .received(ReceivedHeaders(name, of: message))
    }

    /// The field's value. Several values are joined with a comma (RFC 9110, section 5.3).
    /// Setting it leaves one field of this name; nil removes them all.
    public subscript(name: String) -> String? {
        get {
            let values = values(of: name)
            return values.isEmpty ? nil : values.joined(separator: ", ")
        }
        set { set(name, to: newValue.map { [$0] } ?? []) }
    }

    /// Whether there is a field of this name.
    public func contains(_ name: String) -> Bool { !values(of: name).isEmpty }

    /// Each value of the field, in order.
    public func values(of name: String) -> [String] {
        (0..<fields.count).filter { fields.isNamed(name.utf8, at: $0) }
            .map { String(decoding: fields.value(at: $0), as: UTF8.self) }
    }

    /// Gives the field these values, in place of its first occurrence, or at the end.
    public mutating func set(_ name: String, to values: [String]) {
        fields.set(name: name.utf8, values: values.map { Array($0.utf8) })
    }

    /// Appends a field, and keeps those of the same name.
    public mutating func add(_ name: String, _ value: String) {
        fields.append(name, value)
    }
}

extension Headers: ExpressibleByDictionaryLiteral {
    /// Headers with these fields, in order; a name may occur more than once.
    public init(dictionaryLiteral elements: (String, String)...) {
        self.init()
        for (name, value) in elements { add(name, value) }
    }
}

extension Headers: RandomAccessCollection {
    /// The position of the first field.
    public var startIndex: Int { 0 }
    /// The position after the last field.
    public var endIndex: Int { fields.count }

    /// A field by its position.
    public subscript(index: Int) -> (name: String, value: String) {
        (
            String(decoding: fields.name(at: index), as: UTF8.self),
            String(decoding: fields.value(at: index), as: UTF8.self)
        )
    }
}

extension Headers {
    private enum Storage: Sendable {
        case fields(HeaderFields)
        case received(ReceivedHeaders)

        var fields: HeaderFields {
            switch self {
            case .fields(let fields): fields
            case .received(let received): received.fields
            }
        }
    }

    /// Whether the fields are equal, byte for byte and in the same order.
    public static func == (left: Headers, right: Headers) -> Bool { left.fields == right.fields }
}

/// A list of fields as the daemon sent it, decoded once for all copies of a message.
private final class ReceivedHeaders: Sendable {
    private let name: String
    private let message: LazyJSON
    private let read = Mutex<HeaderFields?>(nil)

    init(_ name: String, of message: LazyJSON) {
        self.name = name
        self.message = message
    }

    var fields: HeaderFields {
        read.withLock { read in
            let fields = read ?? message[name]?.headerFields ?? HeaderFields()
            read = fields
            return fields
        }
    }
}

extension Headers {
    /// `[[name, value], …]`.
    var json: JSONValue {
        .array(
            (0..<fields.count).map {
                [JSONValue(bytes: Array(fields.name(at: $0))), JSONValue(bytes: Array(fields.value(at: $0)))]
            }
        )
    }

    /// The patch that turns `original` into these headers: an object of the changed names if that suffices, else the list.
    func patch(from original: Headers) -> JSONValue? {
        let (fields, original) = (fields, original.fields)
        let changes = Self.changes(from: original, to: fields)
        guard !changes.isEmpty || fields != original else { return nil }
        var result = original
        var members: [JSONValue.Member] = []
        for (name, values) in changes {
            guard let key = String(validating: name, as: UTF8.self) else { return json }
            result.set(name: name, values: values)
            members.append(JSONValue.Member(key, Self.patch(of: values)))
        }
        return result == fields ? .object(members) : json
    }

    /// The names whose values differ, with the new values. The search covers only what lies between the common start and the
    /// common end of the two lists.
    private static func changes(
        from original: HeaderFields,
        to fields: HeaderFields
    ) -> [(name: ArraySlice<UInt8>, values: [[UInt8]])] {
        let start = fields.countSameAtStart(as: original)
        let tail = fields.countSameAtEnd(as: original, limit: Swift.min(fields.count, original.count) - start)
        var changes: [(name: ArraySlice<UInt8>, values: [[UInt8]])] = []
        for list in [fields, original] {
            for index in start..<list.count - tail {
                let name = list.name(at: index)
                guard !changes.contains(where: { list.isNamed($0.name, at: index) }) else { continue }
                let values = fields.values(of: name)
                if values != original.values(of: name) { changes.append((name, values)) }
            }
        }
        return changes
    }

    private static func patch(of values: [[UInt8]]) -> JSONValue {
        switch values.count {
        case 0: .null
        case 1: JSONValue(bytes: values[0])
        default: .array(values.map { JSONValue(bytes: $0) })
        }
    }
}

extension HeaderFields {
    fileprivate func values(of name: some Collection<UInt8>) -> [[UInt8]] {
        var values: [[UInt8]] = []
        for index in 0..<count where isNamed(name, at: index) { values.append(Array(value(at: index))) }
        return values
    }
}
