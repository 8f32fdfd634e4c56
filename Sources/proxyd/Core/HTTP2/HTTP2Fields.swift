import AddonProtocol
import NIOHPACK

/// A field section of HTTP/2 (RFC 9113, section 8) on its way in: its pseudo-header fields, and its fields.
struct HTTP2Fields {
    /// By name, with the colon.
    private(set) var pseudo: [String: String] = [:]
    private(set) var fields = HeaderFields()

    enum Part {
        case request
        case response
        case trailers

        fileprivate var pseudoNames: [String] {
            switch self {
            case .request: [":method", ":scheme", ":authority", ":path", ":protocol"]
            case .response: [":status"]
            case .trailers: []
            }
        }
    }

    /// Checks what RFC 9113, sections 8.2 and 8.3, has a recipient check before anything is passed on.
    init(_ headers: HPACKHeaders, of part: Part, _ limits: Limits) throws(HTTP1Error) {
        var bytes = 0
        var cookies: [[UInt8]] = []
        fields.reserveCapacity(fields: headers.count, bytes: 1024)
        for (name, value, _) in headers {
            bytes += name.utf8.count + value.utf8.count + 4
            guard bytes <= limits.headBytes else {
                throw HTTP1Error(.headTooLarge, "the head is larger than \(limits.headBytes) bytes, the limit")
            }
            if name.utf8.first == UInt8(ascii: ":") {
                try take(pseudo: name, value, of: part)
            } else {
                try Self.check(name, value)
                guard fields.count + cookies.count < limits.headFields else {
                    throw HTTP1Error(.tooManyFields, "more than \(limits.headFields) fields, the limit")
                }
                if name == "cookie" { cookies.append(Array(value.utf8)) } else { append(name, value) }
            }
        }
        // Crumbs become one field again (RFC 9113, section 8.2.3).
        if !cookies.isEmpty { fields.append(name: "cookie".utf8, value: cookies.joined(separator: Array("; ".utf8))) }
        if part == .trailers { try checkTrailers() }
    }

    private mutating func append(_ name: String, _ value: String) {
        fields.append(name: name.utf8, value: value.utf8)
    }

    private mutating func take(pseudo name: String, _ value: String, of part: Part) throws(HTTP1Error) {
        guard part.pseudoNames.contains(name) else {
            throw HTTP1Error(.badFieldName, "the pseudo-header field \(quoted(name.utf8)) is not allowed here")
        }
        guard fields.isEmpty else {
            throw HTTP1Error(.badFieldName, "\(name) comes after a field; pseudo-header fields come first")
        }
        guard ByteClass.fieldContent.containsAll(Array(value.utf8)) else {
            throw HTTP1Error(.badFieldValue, "a control byte in the value of \(name)")
        }
        guard pseudo.updateValue(value, forKey: name) == nil else {
            throw HTTP1Error(.badFieldName, "\(name) is there more than once")
        }
    }

    private static func check(_ name: String, _ value: String) throws(HTTP1Error) {
        let bytes = Array(name.utf8)
        guard HTTPSyntax.isToken(bytes), !bytes.contains(where: { (0x41...0x5a).contains($0) }) else {
            throw HTTP1Error(
                .badFieldName,
                "the field name \(quoted(bytes)) is not one of HTTP/2: lower-case letters, digits and !#$%&'*+-.^_`|~ are"
            )
        }
        guard !isConnectionSpecific(name), name != "te" || value == "trailers" else {
            throw HTTP1Error(.badFieldName, "the field \(name) belongs to HTTP/1 connections; HTTP/2 has none")
        }
        let content = Array(value.utf8)
        guard ByteClass.fieldContent.containsAll(content) else {
            throw HTTP1Error(.badFieldValue, "a control byte in the value of \(name)")
        }
        guard content.first.map(isSpace) != true, content.last.map(isSpace) != true else {
            throw HTTP1Error(.badFieldValue, "whitespace around the value of \(name)")
        }
    }

    private func checkTrailers() throws(HTTP1Error) {
        let forbidden: [StaticString] = ["content-length", "host"]
        for name in forbidden where fields.contains(name) {
            throw HTTP1Error(.badTrailer, "\(name) among the trailers; it is allowed in a head only")
        }
    }

    /// RFC 9113, section 8.2.2.
    private static func isConnectionSpecific(_ name: String) -> Bool {
        switch name {
        case "connection", "proxy-connection", "keep-alive", "transfer-encoding", "upgrade": true
        default: false
        }
    }
}

// MARK: - Heads

extension HTTP2Fields {
    /// The request head as HTTP/1 would have it, `:authority` in Host (RFC 9113, section 8.3.1).
    ///
    /// - Parameter isProxied: whether the request says where it goes, so that its target has absolute-form.
    func requestHead(isProxied: Bool) throws(HTTP1Error) -> RequestHead {
        guard let method = pseudo[":method"], HTTPSyntax.isToken(Array(method.utf8)) else {
            throw HTTP1Error(.badMethod, ":method is missing, or no method")
        }
        guard method != "CONNECT" else {
            throw HTTP1Error(.unsupportedMethod, "CONNECT over HTTP/2 is not supported")
        }
        guard pseudo[":protocol"] == nil else {
            throw HTTP1Error(.badFieldName, ":protocol is there, but the method is not CONNECT")
        }
        guard let scheme = pseudo[":scheme"], scheme == "http" || scheme == "https" else {
            throw HTTP1Error(.badTarget, ":scheme must be http or https")
        }
        let path = Array((pseudo[":path"] ?? "").utf8)
        guard HTTPSyntax.isRequestPath(path), path.first == UInt8(ascii: "/") || method == "OPTIONS" else {
            throw HTTP1Error(.badTarget, "the :path \(quoted(path)) is not one: it must start with /")
        }
        let fields = try fieldsWithHost()
        guard isProxied else { return RequestHead(method: method, target: path, version: .http2, fields: fields) }
        guard let authority = pseudo[":authority"] else { throw HTTP1Error(.badTarget, ":authority is missing") }
        let target = Array("\(scheme)://\(authority)".utf8) + (path == [UInt8(ascii: "*")] ? [] : path)
        return RequestHead(method: method, target: target, version: .http2, fields: fields)
    }

    private func fieldsWithHost() throws(HTTP1Error) -> HeaderFields {
        var fields = fields
        let hosts = fields.values("host")
        guard hosts.count <= 1 else { throw HTTP1Error(.badHost, "more than one host field; a request has one") }
        if let host = hosts.first { try Authority.check(host) }
        guard let authority = pseudo[":authority"] else { return fields }
        let bytes = Array(authority.utf8)
        try Authority.check(bytes[...])
        if let host = hosts.first {
            guard MessageRules.equalIgnoringCase(host, bytes) else {
                throw HTTP1Error(.badHost, "host and :authority differ")
            }
        } else {
            fields.insert("host", authority)
        }
        return fields
    }

    func responseHead() throws(HTTP1Error) -> ResponseHead {
        guard let text = pseudo[":status"], text.utf8.count == 3, let status = decimal(Array(text.utf8)[...]),
            status >= 100
        else { throw HTTP1Error(.badStatusLine, ":status is missing, or no number of three digits") }
        guard status != 101 else {
            throw HTTP1Error(.badStatusLine, "the status 101, which HTTP/2 does not have")
        }
        return ResponseHead(status: Int(status), reason: [], version: .http2, fields: fields)
    }
}

// MARK: - On the way out

extension HPACKHeaders {
    /// `pseudo` as it is, then the fields with their names in lower case, without those that HTTP/2 does not have.
    init(_ pseudo: [(String, String)], _ fields: HeaderFields) {
        self.init()
        reserveCapacity(pseudo.count + fields.count)
        for (name, value) in pseudo { add(name: name, value: value) }
        for index in 0..<fields.count {
            let name = String(decoding: fields.name(at: index).lazy.map(asciiLowercase), as: UTF8.self)
            let value = fields.value(at: index)
            switch name {
            case "connection", "proxy-connection", "keep-alive", "transfer-encoding", "upgrade", "host": continue
            case "te" where !isEqual(value, ignoringCase: "trailers"): continue
            default: break
            }
            add(
                name: name,
                value: String(decoding: value.trimmingOptionalWhitespace(), as: UTF8.self),
                indexing: Self.indexing(name)
            )
        }
    }

    /// Secrets stay out of the table that other streams' fields are compressed with (RFC 7541, section 7.1.3).
    private static func indexing(_ name: String) -> HPACKIndexing {
        name == "authorization" || name == "proxy-authorization" ? .neverIndexed : .indexable
    }
}
