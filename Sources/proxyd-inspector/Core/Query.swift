import FlyingFox

/// The parameters in a request's target, as encoded by forms and `URLSearchParams` (URL Standard,
/// "application/x-www-form-urlencoded").
struct Query: Sendable {
    private let items: [(name: String, value: String)]

    init(_ request: HTTPRequest) { self.init(request.target.query()) }

    init(_ text: String) {
        items = text.utf8.split(separator: UInt8(ascii: "&")).map { item in
            let parts = item.split(separator: UInt8(ascii: "="), maxSplits: 1, omittingEmptySubsequences: false)
            return (Self.decoded(parts[0]), parts.count > 1 ? Self.decoded(parts[1]) : "")
        }
    }

    subscript(name: String) -> String? { items.first { $0.name == name }?.value }

    /// - Throws: 400 for anything but a whole number from 0.
    func number(_ name: String) throws -> Int? {
        guard let text = self[name] else { return nil }
        guard let number = Int(text), number >= 0 else {
            throw Failure(400, "\(name): found \"\(text.prefix(40))\"; allowed: a whole number from 0")
        }
        return number
    }

    /// Invalid UTF-8 becomes U+FFFD; a `%` without two digits stays.
    private static func decoded(_ text: some BidirectionalCollection<UInt8>) -> String {
        let text = Array(text)
        var bytes: [UInt8] = []
        var index = 0
        while index < text.count {
            if text[index] == UInt8(ascii: "%"), index + 2 < text.count,
                let high = Character(UnicodeScalar(text[index + 1])).hexDigitValue,
                let low = Character(UnicodeScalar(text[index + 2])).hexDigitValue
            {
                bytes.append(UInt8(high << 4 | low))
                index += 3
            } else {
                bytes.append(text[index] == UInt8(ascii: "+") ? UInt8(ascii: " ") : text[index])
                index += 1
            }
        }
        return String(decoding: bytes, as: UTF8.self)
    }
}
