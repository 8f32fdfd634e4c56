import Foundation

/// The parts of an entry's URL, as written there.
struct EntryURL {
    let text: String
    let scheme: String
    /// The host; an IPv6 address has no brackets.
    let host: String
    let port: Int
    let path: String

    var isSecure: Bool { scheme == "https" || scheme == "wss" }

    init?(_ text: String) {
        guard let mark = text.range(of: "://"), mark.lowerBound > text.startIndex else { return nil }
        self.text = text
        scheme = text[..<mark.lowerBound].lowercased()
        let rest = text[mark.upperBound...]
        let end = rest.firstIndex { "/?#".contains($0) } ?? rest.endIndex
        let target = rest[end...].prefix { $0 != "#" }
        path = target.hasPrefix("/") ? String(target) : "/" + target
        let authority = rest[..<end].split(separator: "@", omittingEmptySubsequences: false).last ?? ""
        let colon = authority.lastIndex(of: ":")
        let number = colon.flatMap { UInt16(authority[authority.index(after: $0)...]) }
        port = number.map { Int($0) } ?? (["https", "wss"].contains(scheme) ? 443 : 80)
        let name = number == nil ? authority : colon.map { authority[..<$0] } ?? ""
        host = String(name.hasPrefix("[") && name.hasSuffix("]") ? name.dropFirst().dropLast() : name)
        if host.isEmpty { return nil }
    }
}
