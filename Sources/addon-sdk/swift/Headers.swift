public import AddonProtocol
import Synchronization

/// Header fields in wire order; names compare without regard to case.
///
/// Values are text here. Bytes that are not UTF-8 read as U+FFFD and stay as they are unless their field is set;
/// `fields` has them as they are.
public struct Headers: Sendable, Equatable {
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

    public init(_ fields: HeaderFields = HeaderFields()) {
        storage = .fields(fields)
    }

    /// The list in a member of `message`, which is read when it is first used.
    init(reading name: String, of message: LazyJSON) {
        storage = .received(ReceivedHeaders(name, of: message))
    }

    /// The field's values, joined with a comma when there are several (RFC 9110, section 5.3).
    /// Setting leaves one field of this name; nil removes all.
    public subscript(name: String) -> String? {
        get {
            let values = values(of: name)
            return values.isEmpty ? nil : values.joined(separator: ", ")
        }
        set { set(name, to: newValue.map { [$0] } ?? []) }
    }

    public func contains(_ name: String) -> Bool { !values(of: name).isEmpty }

    /// Each value of the field, in order.
    public func values(of name: String) -> [String] {
        (0..<fields.count).filter { fields.isNamed(name.utf8, at: $0) }
            .map { String(decoding: fields.value(at: $0), as: UTF8.self) }
    }

    /// Gives the field these values, where its first one stood, or at the end.
    public mutating func set(_ name: String, to values: [String]) {
        fields.set(name: name.utf8, values: values.map { Array($0.utf8) })
    }

    /// Adds a field at the end, beside those of the same name.
    public mutating func add(_ name: String, _ value: String) {
        fields.append(name, value)
    }
}

extension Headers: ExpressibleByDictionaryLiteral {
    public init(dictionaryLiteral elements: (String, String)...) {
        self.init()
        for (name, value) in elements { add(name, value) }
    }
}

extension Headers: RandomAccessCollection {
    public var startIndex: Int { 0 }
    public var endIndex: Int { fields.count }

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

    public static func == (left: Headers, right: Headers) -> Bool { left.fields == right.fields }
}

/// A list of fields as the daemon sent it, read once for all copies of a message.
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

    /// What turns `original` into these headers: an object of the changed names if that can say it, else the list.
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

    /// The names whose values differ, with the new values. One of these lies between what the two lists have in common
    /// at both ends.
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
