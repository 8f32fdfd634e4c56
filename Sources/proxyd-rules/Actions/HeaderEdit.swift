import AddonProtocol
import AddonSDK

/// Sets, adds and removes header fields.
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

    /// Whether the name is a token (RFC 9110, section 5.6.2).
    static func isName(_ name: String) -> Bool {
        !name.isEmpty
            && name.utf8.allSatisfy { byte in
                switch Unicode.Scalar(byte) {
                case "0"..."9", "a"..."z", "A"..."Z": true
                default: "!#$%&'*+-.^_`|~".utf8.contains(byte)
                }
            }
    }

    /// Whether rules may set the field; the fields that frame a body are derived from it.
    static func maySet(_ name: String) -> Bool { !["content-length", "transfer-encoding"].contains(name.lowercased()) }

    static func isValue(_ value: String) -> Bool { isValue(value.utf8) }

    static func isValue(_ value: some Sequence<UInt8>) -> Bool {
        value.allSatisfy { $0 >= 0x20 && $0 != 0x7f || $0 == 0x09 }
    }
}

/// A line of mitmproxy's `modify_headers`.
struct HeaderModification: Sendable {
    let condition: Condition?
    let name: String
    let value: Content

    /// The new value of the field. If it comes from a file, its last line end is removed.
    fileprivate func bytes() throws(ActionFailure) -> [UInt8] {
        var bytes = try value.bytes()
        guard case .file(let path) = value else { return bytes }
        if bytes.last == UInt8(ascii: "\n") { bytes.removeLast() }
        if bytes.last == UInt8(ascii: "\r") { bytes.removeLast() }
        guard HeaderEdit.isValue(bytes) else {
            throw ActionFailure("\(path): a header field cannot have control characters; \(name) is unchanged")
        }
        return bytes
    }
}

extension [HeaderModification] {
    /// Applies them as mitmproxy does: all filters are tried on the original head, then all names are removed, then all values added.
    func apply(to headers: inout Headers, of flow: RuleFlow) throws {
        var (values, failures): ([(name: String, bytes: [UInt8])], [String]) = ([], [])
        for each in self where each.condition?.holds(for: flow) ?? true {
            do throws(ActionFailure) {
                values.append((each.name, try each.bytes()))
            } catch {
                failures.append(error.description)
            }
        }
        for value in values { headers.set(value.name, to: []) }
        for value in values where !value.bytes.isEmpty {
            headers.fields.append(name: value.name.utf8, value: value.bytes)
        }
        guard failures.isEmpty else { throw ActionFailure(failures.joined(separator: "; ")) }
    }
}

/// The cookies that are removed in both directions; nil: all.
struct CookieStripping: Sendable {
    let names: Set<String>?

    func strip(request headers: inout Headers) {
        guard let names else { return headers.set("cookie", to: []) }
        keep(in: &headers, "cookie") { line in
            let pairs = line.split(separator: UInt8(ascii: ";")).map { $0.drop { $0 == UInt8(ascii: " ") } }
            let left = pairs.filter { !names.contains(Self.name(of: $0)) }
            guard left.count < pairs.count else { return line }
            return left.isEmpty ? nil : Array(left.joined(separator: "; ".utf8))
        }
    }

    func strip(response headers: inout Headers) {
        guard let names else { return headers.set("set-cookie", to: []) }
        keep(in: &headers, "set-cookie") { names.contains(Self.name(of: $0[...])) ? nil : $0 }
    }

    /// Works on bytes, since cookies need not be UTF-8.
    private func keep(in headers: inout Headers, _ name: String, _ kept: ([UInt8]) -> [UInt8]?) {
        let fields = headers.fields
        let lines = (0..<fields.count).filter { fields.isNamed(name.utf8, at: $0) }.map { Array(fields.value(at: $0)) }
        let left = lines.compactMap(kept)
        if left != lines { headers.fields.set(name: name.utf8, values: left) }
    }

    private static func name(of pair: ArraySlice<UInt8>) -> String {
        let isSpace = { (byte: UInt8) in byte == UInt8(ascii: " ") }
        let name = pair.prefix { $0 != UInt8(ascii: "=") && $0 != UInt8(ascii: ";") }.drop(while: isSpace)
        return String(decoding: name.reversed().drop(while: isSpace).reversed(), as: UTF8.self)
    }
}

extension Headers {
    /// Removes what could make the server answer 304 (mitmproxy's `anticache`).
    mutating func askForWhole() {
        set("if-modified-since", to: [])
        set("if-none-match", to: [])
    }

    /// Asks the server for a body without content coding (mitmproxy's `anticomp`).
    mutating func askForPlain() { set("accept-encoding", to: ["identity"]) }
}
