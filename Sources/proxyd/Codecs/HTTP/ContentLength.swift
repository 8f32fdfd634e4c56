import AddonProtocol

/// The meaning of a head's Content-Length fields (RFC 9110, section 8.6).
///
/// The same length given more than once (`5, 5`, or two lines) counts as one: the RFC lets a recipient refuse it or
/// replace it with a single field, and servers that repeat it exist. The head parser replaces it, so nothing after the
/// parser, including the next hop, ever sees two.
enum ContentLength: Equatable, Sendable {
    case absent
    case once(UInt64)
    case repeated(UInt64)

    init(of fields: HeaderFields) throws(HTTP1Error) {
        self = .absent
        try fields.forEachIndex(of: "content-length") { index throws(HTTP1Error) in
            let value = fields.value(at: index)
            if let length = decimal(value) {
                try add(length)
            } else {
                try add(list: value)
            }
        }
    }

    private mutating func add(_ length: UInt64) throws(HTTP1Error) {
        switch self {
        case .absent: self = .once(length)
        case .once(length), .repeated(length): self = .repeated(length)
        case .once(let other), .repeated(let other):
            throw HTTP1Error(
                .badContentLength,
                "Content-Length says both \(other) and \(length); a message has one length"
            )
        }
    }

    private mutating func add(list: ArraySlice<UInt8>) throws(HTTP1Error) {
        for element in list.split(separator: UInt8(ascii: ","), omittingEmptySubsequences: false) {
            guard let length = decimal(element.trimmingOptionalWhitespace()) else {
                throw HTTP1Error(
                    .badContentLength,
                    "Content-Length is \(quoted(list)); it must be a decimal number of at most \(Int64.max)"
                )
            }
            try add(length)
        }
    }
}

/// The value of a sequence of decimal digits; nil when it is empty, contains anything else, or is over `Int64.max` (a
/// larger length would mean something else to a hop that counts with signed numbers).
package func decimal(_ digits: some Sequence<UInt8>) -> UInt64? {
    var value: UInt64?
    for byte in digits {
        let digit = byte &- UInt8(ascii: "0")
        guard digit < 10 else { return nil }
        let (tenfold, overflow) = (value ?? 0).multipliedReportingOverflow(by: 10)
        guard !overflow, tenfold <= UInt64(Int64.max) - UInt64(digit) else { return nil }
        value = tenfold + UInt64(digit)
    }
    return value
}
