package import AddonProtocol

/// A received field section of HTTP/2 (RFC 9113, section 8): its pseudo-header fields, and its fields.
package struct HTTP2Fields {
    /// The whole section, in which the pseudo-header fields come first.
    package let pseudo: HeaderFields
    /// The fields other than pseudo-header fields.
    package private(set) var fields: HeaderFields

    /// The kind of section.
    package enum Part {
        case request
        case response
        case trailers

        fileprivate func allows(_ pseudo: ArraySlice<UInt8>) -> Bool {
            switch self {
            case .request:
                isEqual(pseudo, ":method") || isEqual(pseudo, ":scheme") || isEqual(pseudo, ":authority")
                    || isEqual(pseudo, ":path") || isEqual(pseudo, ":protocol")
            case .response: isEqual(pseudo, ":status")
            case .trailers: false
            }
        }
    }

    /// Checks what a recipient must check before it forwards anything (RFC 9113, sections 8.2 and 8.3).
    package init(_ block: FieldBlock, of part: Part) throws(HTTP1Error) {
        if let excess = block.excess { throw excess }
        pseudo = block.fields
        fields = block.fields
        var (pseudoCount, cookies) = (0, 0)
        for index in 0..<pseudo.count {
            let (name, value) = (pseudo.name(at: index), pseudo.value(at: index))
            if name.first == UInt8(ascii: ":") {
                guard pseudoCount == index else {
                    throw HTTP1Error(
                        .badFieldName,
                        "\(quoted(name)) comes after a field; pseudo-header fields come first"
                    )
                }
                try check(pseudo: name, value, at: index, of: part)
                pseudoCount += 1
            } else {
                try Self.check(name, value)
                if pseudo.isNamed("cookie", at: index) { cookies += 1 }
            }
        }
        if pseudoCount > 0 { fields.removeAll { $1 < pseudoCount } }
        if cookies > 1 { joinCookies() }
        if part == .trailers { try checkTrailers() }
    }

    /// Joins cookie crumbs into one field (RFC 9113, section 8.2.3).
    private mutating func joinCookies() {
        let value = fields.values("cookie").filter { !$0.isEmpty }.joined(separator: Array("; ".utf8))
        fields.remove("cookie")
        fields.append(name: "cookie".utf8, value: value)
    }

    private func check(
        pseudo name: ArraySlice<UInt8>,
        _ value: ArraySlice<UInt8>,
        at index: Int,
        of part: Part
    ) throws(HTTP1Error) {
        guard part.allows(name) else {
            throw HTTP1Error(.badFieldName, "the pseudo-header field \(quoted(name)) is not allowed here")
        }
        guard ByteClass.fieldContent.containsAll(value) else {
            throw HTTP1Error(.badFieldValue, "a control byte in the value of \(quoted(name))")
        }
        for earlier in 0..<index where pseudo.name(at: earlier) == name {
            throw HTTP1Error(.badFieldName, "\(quoted(name)) is there more than once")
        }
    }

    private static func check(_ name: ArraySlice<UInt8>, _ value: ArraySlice<UInt8>) throws(HTTP1Error) {
        guard !name.isEmpty, name.allSatisfy({ ByteClass.token.contains($0) && !(0x41...0x5a).contains($0) }) else {
            throw HTTP1Error(
                .badFieldName,
                "the field name \(quoted(name)) is not one of HTTP/2: lower-case letters, digits and !#$%&'*+-.^_`|~ are"
            )
        }
        guard !isConnectionSpecific(name), !isEqual(name, "te") || isEqual(value, "trailers") else {
            throw HTTP1Error(.badFieldName, "the field \(quoted(name)) belongs to HTTP/1 connections; HTTP/2 has none")
        }
        guard ByteClass.fieldContent.containsAll(value) else {
            throw HTTP1Error(.badFieldValue, "a control byte in the value of \(quoted(name))")
        }
        guard value.first.map(isSpace) != true, value.last.map(isSpace) != true else {
            throw HTTP1Error(.badFieldValue, "whitespace around the value of \(quoted(name))")
        }
    }

    private func checkTrailers() throws(HTTP1Error) {
        let forbidden: [StaticString] = ["content-length", "host"]
        for name in forbidden where fields.contains(name) {
            throw HTTP1Error(.badTrailer, "\(name) among the trailers; it is allowed in a head only")
        }
    }

    /// Whether HTTP/2 forbids the field as connection-specific (RFC 9113, section 8.2.2).
    fileprivate static func isConnectionSpecific(_ name: ArraySlice<UInt8>) -> Bool {
        switch name.count {
        case 7: isEqual(name, ignoringCase: "upgrade")
        case 10: isEqual(name, ignoringCase: "connection") || isEqual(name, ignoringCase: "keep-alive")
        case 16: isEqual(name, ignoringCase: "proxy-connection")
        case 17: isEqual(name, ignoringCase: "transfer-encoding")
        default: false
        }
    }
}

/// Whether the bytes equal the text, case included.
private func isEqual(_ bytes: ArraySlice<UInt8>, _ text: StaticString) -> Bool {
    text.withUTF8Buffer { $0.elementsEqual(bytes) }
}

// MARK: - Heads

extension HTTP2Fields {
    /// The request head in the form of HTTP/1: `:authority` becomes Host (RFC 9113, section 8.3.1), or the target of CONNECT.
    /// The extended CONNECT of a WebSocket becomes the upgrade that it stands for (RFC 8441, section 4).
    ///
    /// - Parameter isProxied: whether the request names its server, so that its target has absolute-form.
    package func requestHead(isProxied: Bool) throws(HTTP1Error) -> RequestHead {
        guard let method = pseudo.first(":method"), HTTPSyntax.isToken(Array(method)) else {
            throw HTTP1Error(.badMethod, ":method is missing, or not a method")
        }
        if isEqual(method, "CONNECT"), pseudo.first(":protocol") == nil { return try connectHead() }
        let opensTunnel = try opensTunnel(method)
        guard let scheme = pseudo.first(":scheme"), isEqual(scheme, "http") || isEqual(scheme, "https") else {
            throw HTTP1Error(.badTarget, ":scheme must be http or https")
        }
        let path = Array(pseudo.first(":path") ?? [])
        guard HTTPSyntax.isRequestPath(path), path.first == UInt8(ascii: "/") || isEqual(method, "OPTIONS") else {
            throw HTTP1Error(.badTarget, "the :path \(quoted(path)) is not one: it must start with /")
        }
        var fields = try fieldsWithHost()
        if opensTunnel { fields.append("upgrade", "websocket") }
        var target = path
        if isProxied {
            guard let authority = pseudo.first(":authority") else {
                throw HTTP1Error(.badTarget, ":authority is missing")
            }
            target = scheme + Array("://".utf8) + authority + (path == [UInt8(ascii: "*")] ? [] : path)
        }
        return RequestHead(
            method: opensTunnel ? "GET" : String(decoding: method, as: UTF8.self),
            target: target,
            version: .http2,
            fields: fields
        )
    }

    /// Whether the request asks for a tunnel for a WebSocket.
    private func opensTunnel(_ method: ArraySlice<UInt8>) throws(HTTP1Error) -> Bool {
        guard let inner = pseudo.first(":protocol") else { return false }
        guard isEqual(method, "CONNECT") else {
            throw HTTP1Error(.badFieldName, ":protocol is there, but the method is not CONNECT")
        }
        guard isEqual(inner, "websocket") else {
            throw HTTP1Error(.unsupportedMethod, "the :protocol \(quoted(inner)) is not supported; websocket is")
        }
        try checkHasNoContent()
        return true
    }

    /// The head of a CONNECT request (RFC 9113, section 8.5).
    private func connectHead() throws(HTTP1Error) -> RequestHead {
        guard pseudo.first(":scheme") == nil, pseudo.first(":path") == nil else {
            throw HTTP1Error(.badTarget, "a CONNECT without :protocol has neither :scheme nor :path")
        }
        guard let authority = pseudo.first(":authority") else {
            throw HTTP1Error(.badTarget, ":authority is missing")
        }
        try checkHasNoContent()
        return RequestHead(
            method: "CONNECT",
            target: Array(authority),
            version: .http2,
            fields: try fieldsWithHost()
        )
    }

    private func checkHasNoContent() throws(HTTP1Error) {
        guard !fields.contains("content-length") else {
            throw HTTP1Error(.badContentLength, "content-length on a CONNECT, which has no content")
        }
    }

    private func fieldsWithHost() throws(HTTP1Error) -> HeaderFields {
        var fields = fields
        let hosts = fields.values("host")
        guard hosts.count <= 1 else { throw HTTP1Error(.badHost, "more than one host field; a request has one") }
        if let host = hosts.first { try Authority.check(host) }
        guard let authority = pseudo.first(":authority") else { return fields }
        try Authority.check(authority)
        if let host = hosts.first {
            guard MessageRules.equalIgnoringCase(host, Array(authority)) else {
                throw HTTP1Error(.badHost, "host and :authority differ")
            }
        } else {
            fields.insert("host", String(decoding: authority, as: UTF8.self))
        }
        return fields
    }

    /// The response head in the form of HTTP/1.
    package func responseHead() throws(HTTP1Error) -> ResponseHead {
        guard let text = pseudo.first(":status"), text.count == 3, let status = decimal(text), status >= 100
        else { throw HTTP1Error(.badStatusLine, ":status is missing, or not a number of three digits") }
        guard status != 101 else {
            throw HTTP1Error(.badStatusLine, "the status 101, which HTTP/2 does not have")
        }
        return ResponseHead(status: Int(status), reason: [], version: .http2, fields: fields)
    }
}

// MARK: - Sending

extension HeaderFields {
    /// `pseudo` unchanged, followed by the fields with lower-case names, without those that HTTP/2 does not allow.
    package init(http2 pseudo: [(StaticString, [UInt8])], _ fields: HeaderFields) {
        self.init()
        reserveCapacity(fields: pseudo.count + fields.count, bytes: 64 + fields.wireByteCount)
        for (name, value) in pseudo {
            append(name: UnsafeBufferPointer(start: name.utf8Start, count: name.utf8CodeUnitCount), value: value)
        }
        for index in 0..<fields.count {
            let (name, value) = (fields.name(at: index), fields.value(at: index))
            guard !HTTP2Fields.isConnectionSpecific(name), !fields.isNamed("host", at: index) else { continue }
            if fields.isNamed("te", at: index), !AddonProtocol.isEqual(value, ignoringCase: "trailers") { continue }
            append(name: name.lazy.map(asciiLowercase), value: value.trimmingOptionalWhitespace())
        }
    }
}
