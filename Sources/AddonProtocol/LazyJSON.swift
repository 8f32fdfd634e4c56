/// A JSON value of which nothing is read until it is asked for.
///
/// In text, members are looked for anew at each use: the values before them are passed over, which is far faster than to
/// read them. Where a name comes twice the first counts. How deep it may nest the walker that has passed the text has seen to.
public struct LazyJSON: Sendable {
    private enum Storage: Sendable {
        /// The value begins at `start`.
        case text([UInt8], start: Int, JSONMap)
        case value(JSONValue)
    }

    public static let null = LazyJSON(.null)

    private let storage: Storage

    public init(_ value: JSONValue) {
        storage = .value(value)
    }

    /// The value at `start`, which a strict `JSONWalker` has passed.
    init(in text: [UInt8], at start: Int, _ map: JSONMap = JSONMap()) {
        storage = .text(text, start: start, map)
    }

    /// The member of an object, or nil when this is no object or has no such member.
    public subscript(name: String) -> LazyJSON? {
        switch storage {
        case .value(let value): value[name].map { LazyJSON($0) }
        case .text(let text, let start, let map):
            Self.find(name, in: text, at: start, map).map { LazyJSON(in: text, at: $0, map) }
        }
    }

    /// The last element of an array, or nil when this is no array or an empty one.
    public var last: LazyJSON? {
        switch storage {
        case .value(let value): value.arrayValue?.last.map { LazyJSON($0) }
        case .text(let text, let start, let map):
            Self.findLast(in: text, at: start, map).map { LazyJSON(in: text, at: $0, map) }
        }
    }

    /// What keeping it takes of memory, about: the frame that it came in.
    public var byteCount: Int {
        switch storage {
        case .value: 0
        case .text(let text, _, _): text.count
        }
    }

    /// All of it, read.
    public var value: JSONValue {
        switch storage {
        case .value(let value): value
        case .text(let text, let start, let map): Self.read(text, at: start, map) ?? .null
        }
    }

    /// The pairs of `[[name, value], …]`, each a Bytes value; what is no pair is left out.
    public var headerFields: HeaderFields {
        switch storage {
        case .value(let value): HeaderFields(reading: value)
        case .text(let text, let start, _): HeaderFields(reading: text, at: start)
        }
    }

    public var isNull: Bool {
        switch storage {
        case .value(let value): value.isNull
        case .text(let text, let start, _): text[start...].first == UInt8(ascii: "n")
        }
    }

    /// Whether both are the same place of the same text, or values that are equal.
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

    /// nil only when an object in it has a name twice.
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
    /// Where the value of this member of the object that comes next begins.
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

    /// Where the last element of the array that comes next begins.
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
