import AddonProtocol
import ProxyCodecs

/// The Via field, which lists the proxies that a message has passed (RFC 9110, section 7.6.3).
enum Via {
    /// Makes a name that very likely no other daemon has.
    static func makeName() -> String {
        "proxyd-" + String(UInt32.random(in: .min ... .max), radix: 36)
    }

    /// Adds this proxy to the list.
    static func add(_ name: String, to fields: inout HeaderFields, receivedIn version: HTTPVersion) {
        let number =
            switch version {
            case .http10: "1.0"
            case .http11: "1.1"
            case .http2: "2"
            }
        fields.append("Via", "\(number) \(name)")
    }

    /// How often the message lists this name.
    static func count(_ name: String, in fields: HeaderFields) -> Int {
        var count = 0
        fields.forEachElement(of: "via") { element in
            let words = element.split(separator: UInt8(ascii: " "), maxSplits: 2)
            if words.count > 1, words[1].elementsEqual(name.utf8) { count += 1 }
        }
        return count
    }

    /// - Throws: when the message loops. It lists the name once more often than it has come back.
    static func check(_ name: String, in fields: HeaderFields) throws(FlowError) {
        if count(name, in: fields) > Limits.rounds { throw .loop }
    }
}
