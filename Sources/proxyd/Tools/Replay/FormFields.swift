import AddonProtocol

/// The fields of a form, in `application/x-www-form-urlencoded` (WHATWG URL) or `multipart/form-data` (RFC 7578).
struct FormFields: Sendable {
    struct Pair: Sendable, Equatable {
        var name: [UInt8]
        var value: [UInt8]
    }

    let pairs: [Pair]

    /// - Returns: nil when, by the message's fields, its content is not a form, or the content contains none.
    init?(_ content: [UInt8], _ fields: HeaderFields) {
        let type = String(decoding: fields.first("content-type") ?? [], as: UTF8.self)
        let media = type.prefix { $0 != ";" }.lowercased().filter { $0 != " " }
        switch media {
        case "application/x-www-form-urlencoded": pairs = Self.urlEncoded(content[...])
        case "multipart/form-data":
            guard let boundary = Self.boundary(in: type) else { return nil }
            pairs = Self.multipart(content[...], Array("--\(boundary)".utf8))
        default: return nil
        }
        if pairs.isEmpty { return nil }
    }

    /// Parses `name=value&…`, and leaves out empty parts.
    static func urlEncoded(_ text: ArraySlice<UInt8>) -> [Pair] {
        text.split(separator: UInt8(ascii: "&")).map { part in
            let sign = part.firstIndex(of: UInt8(ascii: "=")) ?? part.endIndex
            return Pair(name: decoded(part[..<sign]), value: decoded(part[sign...].dropFirst()))
        }
    }

    private static func decoded(_ text: ArraySlice<UInt8>) -> [UInt8] {
        var (bytes, rest) = ([UInt8](), text)
        while let byte = rest.popFirst() {
            if byte == UInt8(ascii: "%"), rest.count >= 2, let value = hex(rest.prefix(2)) {
                bytes.append(value)
                rest = rest.dropFirst(2)
            } else {
                bytes.append(byte == UInt8(ascii: "+") ? 0x20 : byte)
            }
        }
        return bytes
    }

    private static func hex(_ digits: ArraySlice<UInt8>) -> UInt8? {
        guard digits.allSatisfy({ (0x30...0x39).contains($0) || (0x61...0x66).contains($0 | 0x20) }) else { return nil }
        return UInt8(String(decoding: digits, as: UTF8.self), radix: 16)
    }

    private static func boundary(in type: String) -> String? {
        for parameter in type.split(separator: ";").dropFirst() {
            let words = parameter.split(separator: "=", maxSplits: 1)
            guard words.count == 2, words[0].filter({ $0 != " " }).lowercased() == "boundary" else { continue }
            return words[1].trimming { $0 == " " || $0 == "\"" }
        }
        return nil
    }

    private static func multipart(_ content: ArraySlice<UInt8>, _ delimiter: [UInt8]) -> [Pair] {
        content.split(separator: delimiter).compactMap { part in
            let text = part.split(separator: Array("\r\n\r\n".utf8), maxSplits: 1)
            guard text.count == 2, let name = name(in: String(decoding: text[0], as: UTF8.self)) else { return nil }
            let value = text[1].suffix(2).elementsEqual("\r\n".utf8) ? text[1].dropLast(2) : text[1]
            return Pair(name: Array(name.utf8), value: Array(value))
        }
    }

    private static func name(in head: String) -> String? {
        head.firstMatch(of: #/(?i)[;\s]name="([^"]*)"/#).map { String($0.1) }
    }
}

extension Substring {
    fileprivate func trimming(_ isTrimmed: (Character) -> Bool) -> String {
        let rest = drop(while: isTrimmed)
        let end = rest.lastIndex { !isTrimmed($0) }
        return end.map { String(rest[...$0]) } ?? ""
    }
}
