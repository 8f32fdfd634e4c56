package import AddonProtocol

/// The parameters of permessage-deflate that both sides agreed on (RFC 7692, section 7.1).
package struct PerMessageDeflate: Equatable, Sendable {
    /// How one side compresses.
    package struct Coding: Equatable, Sendable {
        /// Whether each message is compressed on its own, without the previous ones as context.
        var forgetsContext = false
        var windowBits = 15
    }

    /// How the client compresses.
    package var client = Coding()
    /// How the server compresses.
    package var server = Coding()

    private static let field: StaticString = "sec-websocket-extensions"
    private static let name: StaticString = "permessage-deflate"

    /// The extension that the server accepted; nil: none.
    ///
    /// - Throws: what is wrong with the server's answer, or which extension it names that was not offered.
    package init?(negotiatedIn fields: HeaderFields) throws(PerMessageDeflateError) {
        var extensions: [ArraySlice<UInt8>] = []
        fields.forEachElement(of: Self.field) { extensions.append($0) }
        guard let first = extensions.first else { return nil }
        guard extensions.count == 1, Self.isOurs(first) else {
            let names = extensions.map { String(decoding: $0, as: UTF8.self) }.joined(separator: ", ")
            throw PerMessageDeflateError("the server chose extensions that were not offered: \(names.prefix(200))")
        }
        var seen: Set<String> = []
        for parameter in first.split(separator: UInt8(ascii: ";")).dropFirst() {
            let parts = parameter.split(separator: UInt8(ascii: "="), maxSplits: 1)
            let name = String(decoding: (parts.first ?? []).trimmingOptionalWhitespace(), as: UTF8.self)
            guard seen.insert(name).inserted, apply(name, parts.count > 1 ? parts[1] : nil) else {
                let text = String(decoding: parameter, as: UTF8.self)
                throw PerMessageDeflateError("the server chose permessage-deflate with \"\(text.prefix(200))\"")
            }
        }
    }

    private mutating func apply(_ name: String, _ value: ArraySlice<UInt8>?) -> Bool {
        switch (name.lowercased(), value) {
        case ("server_no_context_takeover", nil): server.forgetsContext = true
        case ("client_no_context_takeover", nil): client.forgetsContext = true
        case ("server_max_window_bits", let value?): return Self.set(&server.windowBits, value)
        case ("client_max_window_bits", let value?): return Self.set(&client.windowBits, value)
        default: return false
        }
        return true
    }

    private static func set(_ bits: inout Int, _ value: ArraySlice<UInt8>) -> Bool {
        let plain = value.trimmingOptionalWhitespace().drop { $0 == UInt8(ascii: "\"") }
        let digits = String(decoding: plain.prefix { $0 != UInt8(ascii: "\"") }, as: UTF8.self)
        guard let number = Int(digits), (8...15).contains(number) else { return false }
        bits = number
        return true
    }

    private static func isOurs(_ element: ArraySlice<UInt8>) -> Bool {
        isEqual(element.prefix { $0 != UInt8(ascii: ";") }.trimmingOptionalWhitespace(), ignoringCase: name)
    }

    /// Removes extensions that are not supported here from a client's offer, so that they are not negotiated.
    package static func removeOtherOffers(from fields: inout HeaderFields) {
        var offers: [ArraySlice<UInt8>] = []
        var count = 0
        fields.forEachElement(of: field) { element in
            count += 1
            if isOurs(element) { offers.append(element) }
        }
        guard offers.count < count else { return }
        if offers.isEmpty { return fields.remove(field) }
        let text = offers.map { String(decoding: $0, as: UTF8.self) }.joined(separator: ", ")
        fields.set("Sec-WebSocket-Extensions", text)
    }
}

/// Why a server's answer to an offer of extensions is invalid.
package struct PerMessageDeflateError: Error {
    /// What is wrong, for people.
    package let message: String

    init(_ message: String) {
        self.message = message
    }
}
