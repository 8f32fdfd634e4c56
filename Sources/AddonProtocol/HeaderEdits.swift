/// The header fields of one message that a reply sets, or removes, by name: `{"name": "value", "other": null}`.
///
/// Names and values lie behind one another in one buffer, each pair after its two lengths, so that all of them cost one
/// allocation.
public struct HeaderEdits: Sendable, Equatable {
    public enum Part: String, Sendable {
        case request
        case response
    }

    public let part: Part
    public private(set) var count = 0
    private var bytes: [UInt8] = []

    /// In the place of the length of a value that is not there.
    private static let noValue = UInt32.max
    private static let lengthBytes = 2 * MemoryLayout<UInt32>.size

    init(of part: Part) {
        self.part = part
    }

    /// How many bytes the fields take in HTTP/1, at most.
    public var wireByteCount: Int { bytes.count }

    /// - Parameter value: nil: the field is removed.
    mutating func append(_ name: UnsafeRawBufferPointer, _ value: UnsafeRawBufferPointer?) {
        bytes.reserveCapacity(bytes.count + Self.lengthBytes + name.count + (value?.count ?? 0))
        append(UInt32(clamping: name.count))
        append(value.map { UInt32(clamping: $0.count) } ?? Self.noValue)
        bytes.append(contentsOf: name)
        if let value { bytes.append(contentsOf: value) }
        count += 1
    }

    private mutating func append(_ length: UInt32) {
        withUnsafeBytes(of: length) { bytes.append(contentsOf: $0) }
    }

    /// Whether `isTrue` of each, in their order. Its arguments are valid until it returns.
    public func allSatisfy(_ isTrue: (_ name: UnsafeRawBufferPointer, _ value: UnsafeRawBufferPointer?) -> Bool) -> Bool
    {
        bytes.withUnsafeBytes { bytes in
            var index = 0
            while index < bytes.count {
                let nameLength = bytes.loadUnaligned(fromByteOffset: index, as: UInt32.self)
                let valueLength = bytes.loadUnaligned(fromByteOffset: index + Self.lengthBytes / 2, as: UInt32.self)
                let name = index + Self.lengthBytes
                let value = name + Int(nameLength)
                index = value + (valueLength == Self.noValue ? 0 : Int(valueLength))
                guard
                    isTrue(
                        UnsafeRawBufferPointer(rebasing: bytes[name..<value]),
                        valueLength == Self.noValue ? nil : UnsafeRawBufferPointer(rebasing: bytes[value..<index])
                    )
                else { return false }
            }
            return true
        }
    }

    func contains(where isMatch: (UnsafeRawBufferPointer) -> Bool) -> Bool { !allSatisfy { name, _ in !isMatch(name) } }

    /// The patch as it is in the result of a reply.
    public var json: JSONValue {
        var members: [JSONValue.Member] = []
        _ = allSatisfy { name, value in
            let text = value.map { JSONValue.string(String(decoding: $0, as: UTF8.self)) } ?? .null
            members.append(JSONValue.Member(String(decoding: name, as: UTF8.self), text))
            return true
        }
        let message: JSONValue = .object([.init("headers", .object(members))])
        return .object([.init("flow", .object([.init(part.rawValue, message)]))])
    }
}

extension HeaderFields {
    public mutating func apply(_ edits: HeaderEdits) {
        _ = edits.allSatisfy { name, value in
            if let value { set(name: name, values: CollectionOfOne(value)) } else { remove(name: name) }
            return true
        }
    }

    /// Those that the edits name.
    public func named(by edits: HeaderEdits) -> HeaderFields {
        var named = HeaderFields()
        guard edits.contains(where: { firstIndex(named: $0) != nil }) else { return named }
        for index in 0..<count where edits.contains(where: { isNamed($0, at: index) }) {
            named.append(name: name(at: index), value: value(at: index))
        }
        return named
    }
}
