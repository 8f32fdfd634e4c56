import AddonProtocol

/// How values of one Swift type are read from JSON and written as JSON, and how users are told what is allowed.
struct OptionKind<Value: Sendable>: Sendable {
    var type: OptionType
    /// Completes "allowed is …".
    var allowed: String
    var choices: [String]?
    /// Returns nil when the value has the wrong type or is not allowed.
    var decode: @Sendable (JSONValue) -> Value?
    var encode: @Sendable (Value) -> JSONValue
    /// Picks the part of a refused value that the error shows.
    var culprit: @Sendable (JSONValue) -> JSONValue = { $0 }
    /// Says what is wrong with a refused value, when naming what is allowed is not enough.
    var fault: @Sendable (JSONValue) -> String? = { _ in nil }
}

extension OptionKind where Value == Bool {
    static var bool: Self {
        Self(type: .bool, allowed: OptionType.bool.text(), decode: { $0.boolValue }, encode: { .bool($0) })
    }
}

extension OptionKind where Value == Int {
    /// A whole number within a range.
    static func int(_ range: ClosedRange<Int>, _ unit: String = "") -> Self {
        Self(
            type: .int,
            allowed: OptionType.int.text(detail(range, unit)),
            decode: { $0.intValue.flatMap { range.contains($0) ? $0 : nil } },
            encode: { .integer($0) }
        )
    }

    /// A size in bytes within a range.
    static func size(_ range: ClosedRange<Int>) -> Self {
        Self(
            type: .size,
            allowed: OptionType.size.text(detail(ofSizes: range)),
            decode: { decodeSize($0, in: range) },
            encode: { .integer($0) }
        )
    }
}

extension OptionKind where Value == Int? {
    /// A whole number within a range, or nothing.
    static func optionalInt(_ range: ClosedRange<Int>, _ unit: String = "") -> Self {
        let int = OptionKind<Int>.int(range, unit)
        return Self(
            type: .optionalInt,
            allowed: OptionType.optionalInt.text(detail(range, unit)),
            decode: { $0.isNull ? .some(nil) : int.decode($0).map { .some($0) } },
            encode: { $0.map { .integer($0) } ?? .null }
        )
    }

    /// A size in bytes within a range, or nothing.
    static func optionalSize(_ range: ClosedRange<Int>) -> Self {
        Self(
            type: .optionalSize,
            allowed: OptionType.optionalSize.text(detail(ofSizes: range)),
            decode: { json in
                if json.isNull { return .some(nil) }
                return decodeSize(json, in: range).map { .some($0) }
            },
            encode: { $0.map { .integer($0) } ?? .null }
        )
    }
}

extension OptionKind where Value == [Int] {
    /// A list of whole numbers within a range.
    static func intList(_ range: ClosedRange<Int>) -> Self {
        Self(
            type: .intList,
            allowed: OptionType.intList.text(detail(range)),
            decode: { json in
                guard let elements = json.arrayValue else { return nil }
                let numbers = elements.compactMap(\.intValue).filter(range.contains)
                return numbers.count == elements.count ? numbers : nil
            },
            encode: { .array($0.map { .integer($0) }) }
        )
    }
}

extension OptionKind where Value == [String] {
    /// A list of non-empty texts.
    static var lines: Self {
        Self(
            type: .stringList,
            allowed: OptionType.stringList.text(" that are not empty"),
            decode: { json in
                let texts = json.arrayValue?.compactMap(\.stringValue)
                return texts?.count == json.arrayValue?.count && texts?.contains("") == false ? texts : nil
            },
            encode: { .array($0.map { .string($0) }) }
        )
    }
}

extension OptionKind where Value == HostPort {
    static var hostPort: Self {
        Self(
            type: .string,
            allowed: "HOST:PORT with a port from 0 to 65535, such as 127.0.0.1:8080 or [::1]:8080",
            decode: { $0.stringValue.flatMap(HostPort.init(parsing:)) },
            encode: { .string($0.description) }
        )
    }

    /// Addresses that only this machine can reach.
    static var loopback: Self {
        var kind = hostPort
        kind.allowed = "127.0.0.1:PORT, localhost:PORT or [::1]:PORT with a port from 0 to 65535"
        kind.decode = { json in
            json.stringValue.flatMap(HostPort.init(parsing:)).flatMap { address in
                switch address.host {
                case "127.0.0.1", "::1": address
                case "localhost": HostPort(host: "127.0.0.1", port: address.port)
                default: nil
                }
            }
        }
        return kind
    }
}

extension OptionKind where Value == UserPath {
    static var path: Self {
        Self(type: .string, allowed: "a path", decode: decodePath, encode: { .string($0.text) })
    }
}

extension OptionKind where Value == UserPath? {
    static var optionalPath: Self {
        Self(
            type: .optionalString,
            allowed: "a path, or nothing",
            decode: { json in
                if json.isNull { return .some(nil) }
                return decodePath(json).map { .some($0) }
            },
            encode: { $0.map { .string($0.text) } ?? .null }
        )
    }
}

extension OptionKind where Value: RawRepresentable & CaseIterable, Value.RawValue == String {
    static var choice: Self {
        let choices = Value.allCases.map(\.rawValue)
        return Self(
            type: .string,
            allowed: "one of \(choices.joined(separator: ", "))",
            choices: choices,
            decode: { $0.stringValue.flatMap(Value.init) },
            encode: { .string($0.rawValue) }
        )
    }
}

extension OptionKind where Value == [AddonSpec] {
    static var addons: Self {
        Self(
            type: .addons,
            allowed: AddonSpec.allowed,
            decode: AddonSpec.decodeAll,
            encode: AddonSpec.encodeAll,
            fault: AddonSpec.fault
        )
    }
}

private func detail(_ range: ClosedRange<Int>, _ unit: String = "") -> String {
    (unit.isEmpty ? "" : " of \(unit)") + " from \(range.lowerBound) to \(range.upperBound)"
}

private func detail(ofSizes range: ClosedRange<Int>) -> String {
    " from \(ByteSize.format(range.lowerBound)) to \(ByteSize.format(range.upperBound)), such as 512, 64k or 1m"
}

@Sendable
private func decodeSize(_ json: JSONValue, in range: ClosedRange<Int>) -> Int? {
    let bytes = json.intValue ?? json.stringValue.flatMap(ByteSize.parse)
    return bytes.flatMap { range.contains($0) ? $0 : nil }
}

@Sendable
private func decodePath(_ json: JSONValue) -> UserPath? {
    guard let text = json.stringValue, !text.isEmpty, !text.unicodeScalars.contains("\0") else { return nil }
    return UserPath(text)
}
