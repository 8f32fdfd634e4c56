package import AddonProtocol

/// A body that is about to be sent.
package enum OutgoingBody: Equatable, Sendable {
    /// The body is complete, or its length is known.
    case length(UInt64)
    /// The length is not known yet, or trailers follow.
    case stream
}

/// Makes Content-Length, Transfer-Encoding and Trailer describe the body that follows (RFC 9112, section 6). The result
/// says how to write the body.
extension MessageRules {
    /// A body of known length may stay chunked, as the client framed it. A stream makes the request HTTP/1.1, since a request
    /// in HTTP/1.0 cannot have a body of unknown length.
    package static func setFraming(of body: OutgoingBody, in head: inout RequestHead) -> BodyFraming {
        switch body {
        case .length(0) where !isFramed(head.fields): return .none
        case .length where head.version == .http11 && isChunked(head.fields): return .chunked
        case .length(let length): return setLength(length, in: &head.fields)
        case .stream:
            head.version = .http11
            return setChunked(in: &head.fields)
        }
    }

    /// `peer` is the version that the client speaks, `method` the method of its request. To an HTTP/1.0 client a stream
    /// continues until the connection closes.
    ///
    /// A response without a body keeps a Content-Length only if that is the length of another response's body (HEAD, 304;
    /// RFC 9110, section 8.6).
    package static func setFraming(
        of body: OutgoingBody,
        in head: inout ResponseHead,
        toMethod method: String,
        peer: HTTPVersion
    ) -> BodyFraming {
        guard BodyFraming.hasBody(status: head.status, method: method) else {
            removeFraming(from: &head.fields, status: head.status, toMethod: method, peer: peer)
            return .none
        }
        switch body {
        case .length where peer == .http11 && isChunked(head.fields): return .chunked
        case .length(let length): return setLength(length, in: &head.fields)
        case .stream where peer == .http11: return setChunked(in: &head.fields)
        case .stream:
            removeFramingFields(from: &head.fields)
            return .untilClose
        }
    }

    /// Keeps in a response without a body what is true of another response's body, and removes contradictory framing.
    package static func removeFraming(
        from fields: inout HeaderFields,
        status: Int,
        toMethod method: String,
        peer: HTTPVersion
    ) {
        let tellsLength = status == 304 || (status >= 200 && status != 204 && method == "HEAD")
        if !tellsLength { return removeFramingFields(from: &fields) }
        if peer != .http11 || !isChunked(fields) { fields.remove("transfer-encoding") }
        if case .once = try? ContentLength(of: fields) { return }
        fields.remove("content-length")
    }

    /// The fields of an interim response to any client: it has no body, and applies to this connection only (RFC 9110,
    /// section 15.2).
    package static func interimFields(of head: ResponseHead) -> HeaderFields {
        var fields = head.fields
        removeHopByHop(from: &fields, of: .response)
        removeFramingFields(from: &fields)
        return fields
    }
}

extension MessageRules {
    private static func isFraming(_ fields: HeaderFields, at index: Int) -> Bool {
        fields.isNamed("content-length", at: index) || fields.isNamed("transfer-encoding", at: index)
    }

    private static func isFramed(_ fields: HeaderFields) -> Bool {
        fields.contains("content-length") || fields.contains("transfer-encoding")
    }

    private static func isChunked(_ fields: HeaderFields) -> Bool {
        !fields.contains("content-length") && BodyFraming.isPlainlyChunked(fields)
    }

    private static func setLength(_ length: UInt64, in fields: inout HeaderFields) -> BodyFraming {
        fields.remove("trailer")
        let isRight = !fields.contains("transfer-encoding") && (try? ContentLength(of: fields)) == .once(length)
        if !isRight { setFramingField("Content-Length", String(length), in: &fields) }
        return .length(length)
    }

    private static func setChunked(in fields: inout HeaderFields) -> BodyFraming {
        if !isChunked(fields) { setFramingField("Transfer-Encoding", "chunked", in: &fields) }
        return .chunked
    }

    /// Removes the fields that frame a body.
    package static func removeFramingFields(from fields: inout HeaderFields) {
        fields.remove("content-length")
        fields.remove("transfer-encoding")
        fields.remove("trailer")
    }

    /// Sets this field in place of the first of its name, or else of the first framing field, and removes the others.
    private static func setFramingField(_ name: String, _ value: String, in fields: inout HeaderFields) {
        let framing = (0..<fields.count).filter { isFraming(fields, at: $0) }
        let kept = framing.first { fields.isNamed(name.utf8, at: $0) } ?? framing.first
        guard let kept else { return fields.append(name, value) }
        let wireName = fields.isNamed(name.utf8, at: kept) ? Array(fields.name(at: kept)) : Array(name.utf8)
        var result = HeaderFields()
        for index in 0..<fields.count {
            if index == kept {
                result.append(name: wireName, value: value.utf8)
            } else if !framing.contains(index) {
                result.append(name: fields.name(at: index), value: fields.value(at: index))
            }
        }
        fields = result
    }
}

extension MessageRules {
    /// Sets Content-Length if the body's length is known; the frames of HTTP/2 mark its end in any case.
    package static func setLength(of body: OutgoingBody, in fields: inout HeaderFields) {
        switch body {
        case .length(let length):
            if (try? ContentLength(of: fields)) != .once(length) { fields.set("content-length", String(length)) }
        case .stream:
            fields.remove("content-length")
        }
    }
}
