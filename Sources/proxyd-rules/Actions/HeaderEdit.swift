import AddonProtocol
import AddonSDK

/// Sets, adds and removes fields of a head.
struct HeaderEdit: Sendable {
    enum Change: Sendable {
        case set(String, [String])
        case add(String, [String])
        case remove(String)
    }

    var changes: [Change]

    func apply(to headers: inout Headers) {
        for change in changes {
            switch change {
            case .set(let name, let values): headers.set(name, to: values)
            case .add(let name, let values): for value in values { headers.add(name, value) }
            case .remove(let name): headers.set(name, to: [])
            }
        }
    }

    /// A field name is a token (RFC 9110, section 5.6.2).
    static func isName(_ name: String) -> Bool {
        !name.isEmpty
            && name.utf8.allSatisfy { byte in
                switch Unicode.Scalar(byte) {
                case "0"..."9", "a"..."z", "A"..."Z": true
                default: "!#$%&'*+-.^_`|~".utf8.contains(byte)
                }
            }
    }

    /// What frames a body follows from it.
    static func maySet(_ name: String) -> Bool { !["content-length", "transfer-encoding"].contains(name.lowercased()) }

    static func isValue(_ value: String) -> Bool {
        value.utf8.allSatisfy { $0 >= 0x20 && $0 != 0x7f || $0 == 0x09 }
    }
}

/// One of mitmproxy's `modify_headers`.
struct HeaderModification: Sendable {
    let condition: Condition?
    let name: String
    let value: Content
}

extension [HeaderModification] {
    /// As mitmproxy does it: all filters are tried on the head as it was, all names are removed, and then all values added.
    func apply(to headers: inout Headers, of flow: RuleFlow) throws {
        let matching = filter { $0.condition?.holds(for: flow) ?? true }
        for each in matching { headers.set(each.name, to: []) }
        for each in matching {
            let value = try each.value.bytes()
            if !value.isEmpty { headers.fields.append(name: each.name.utf8, value: value) }
        }
    }
}

/// Which cookies neither side is sent; nil: all.
struct CookieStripping: Sendable {
    let names: Set<String>?

    func strip(request headers: inout Headers) {
        guard let names else { return headers.set("cookie", to: []) }
        let kept = headers.values(of: "cookie").compactMap { line -> String? in
            let pairs = line.split(separator: ";").map { $0.trimmingPrefix { $0 == " " } }
            let left = pairs.filter { !names.contains(Self.name(of: $0)) }
            return left.isEmpty ? nil : left.joined(separator: "; ")
        }
        headers.set("cookie", to: kept)
    }

    func strip(response headers: inout Headers) {
        guard let names else { return headers.set("set-cookie", to: []) }
        headers.set(
            "set-cookie",
            to: headers.values(of: "set-cookie").filter { !names.contains(Self.name(of: $0[...])) }
        )
    }

    private static func name(of pair: Substring) -> String {
        let name = pair.prefix { $0 != "=" && $0 != ";" }
        return String(name.drop { $0 == " " }.reversed().drop { $0 == " " }.reversed())
    }
}

extension Headers {
    /// What a server might answer 304 to goes (mitmproxy's `anticache`).
    mutating func askForWhole() {
        set("if-modified-since", to: [])
        set("if-none-match", to: [])
    }

    /// The server is asked for a body without content coding (mitmproxy's `anticomp`).
    mutating func askForPlain() { set("accept-encoding", to: ["identity"]) }
}
