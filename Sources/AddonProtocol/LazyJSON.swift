/// A JSON value that is only read on access.
///
/// When it is text, each access searches for the member again; skipping the values before it is far faster than reading
/// them. Of repeated names the first counts. The walker that first passed over the text has checked the nesting.
public struct LazyJSON: Sendable {
    private enum Storage: Sendable {
        /// The value begins at `start`.
        case text([UInt8], start: Int, JSONMap)
        case value(JSONValue)
    }

    /// The value null.
    public static let null = LazyJSON(.null)

    private let storage: Storage

    /// Wraps a value that is already read.
    public init(_ value: JSONValue) {
        storage = .value(value)
    }

    /// The value at `start`, which a strict `JSONWalker` has already checked.
    init(in text: [UInt8], at start: Int, _ map: JSONMap = JSONMap()) {
        storage = .text(text, start: start, map)
    }

    /// The member of an object; nil when it is missing or this is not an object.
    public subscript(name: String) -> LazyJSON? {
        switch storage {
        case .value(let value): value[name].map { LazyJSON($0) }
        case .text(let text, let start, let map):
            Self.find(name, in: text, at: start, map).map { LazyJSON(in: text, at: $0, map) }
        }
    }

    /// The last element of an array; nil when the array is empty or this is not an array.
    public var last: LazyJSON? {
        switch storage {
        case .value(let value): value.arrayValue?.last.map { LazyJSON($0) }
        case .text(let text, let start, let map):
            Self.findLast(in: text, at: start, map).map { LazyJSON(in: text, at: $0, map) }
        }
    }

    /// Roughly how much memory it keeps: the frame that it came in, in bytes.
    public var byteCount: Int {
        switch storage {
        case .value: 0
        case .text(let text, _, _): text.count
        }
    }

    /// The complete value.
    public var value: JSONValue {
        switch storage {
        case .value(let value): value
        case .text(let text, let start, let map): Self.read(text, at: start, map) ?? .null
        }
    }

    /// The pairs of `[[name, value], …]`, each a Bytes value. Skips anything that is not a pair.
    public var headerFields: HeaderFields {
        switch storage {
        case .value(let value): HeaderFields(reading: value)
        case .text(let text, let start, _): HeaderFields(reading: text, at: start)
        }
    }

    /// Whether the value is null.
    public var isNull: Bool {
        switch storage {
        case .value(let value): value.isNull
        case .text(let text, let start, _): text[start...].first == UInt8(ascii: "n")
        }
    }

    /// Whether both are the same place in the same text, or equal values.
    public func isSame(as other: LazyJSON) -> Bool {
        switch (storage, other.storage) {
        case (.text(let text, let start, _), .text(let otherText, let otherStart, _)):
            start == otherStart
                && text.withUnsafeBytes { own in otherText.withUnsafeBytes { own.baseAddress == $0.baseAddress } }
        case (.value, _), (.text, .value): value == other.value
        }
    }
}

extension LazyJSON {
    private static func find(_ name: String, in text: [UInt8], at start: Int, _ map: JSONMap) -> Int? {
        var name = name
        return name.withUTF8 { name in
            text.withUnsafeBytes { bytes in
                var walker = JSONWalker(bytes, from: start, maximumDepth: .max, map: map)
                return walker.find(UnsafeRawBufferPointer(name))
            }
        }
    }

    private static func findLast(in text: [UInt8], at start: Int, _ map: JSONMap) -> Int? {
        text.withUnsafeBytes { bytes in
            var walker = JSONWalker(bytes, from: start, maximumDepth: .max, map: map)
            return walker.findLast()
        }
    }

    /// Nil only when an object in the text has a repeated name.
    private static func read(_ text: [UInt8], at start: Int, _ map: JSONMap) -> JSONValue? {
        text.withUnsafeBytes { bytes in
            var walker = JSONWalker(bytes, from: start, maximumDepth: .max, map: map)
            guard walker.passValue() else { return nil }
            let value = UnsafeRawBufferPointer(rebasing: bytes[start..<walker.index])
            return try? JSONReader.read(value, maximumDepth: .max)
        }
    }
}

extension JSONWalker {
    /// Where the value of this member begins, in the object that comes next.
    fileprivate mutating func find(_ name: UnsafeRawBufferPointer) -> Int? {
        var found: Int?
        _ = passObject { walker, candidate in
            guard candidate.isEqual(to: name) else { return walker.passValue() }
            walker.skipSpace()
            found = walker.index
            return false
        }
        return found
    }

    /// Where the last element begins, in the array that comes next.
    fileprivate mutating func findLast() -> Int? {
        var last: Int?
        _ = passArray { walker in
            walker.skipSpace()
            last = walker.index
            return walker.passValue()
        }
        return last
    }
}
