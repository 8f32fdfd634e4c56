package import AddonProtocol

/// A body that is about to be sent.
package enum OutgoingBody: Equatable, Sendable {
    /// All of it is there, or its length is known.
    case length(UInt64)
    /// Its length is not known yet, or trailers follow it.
    case stream
}

/// Content-Length, Transfer-Encoding and Trailer, made to tell the truth about the body that follows
/// (RFC 9112, section 6). The result says how the body must be written.
extension MessageRules {
    /// A body of known length may go on chunked, as the client framed it. A stream makes the request one of HTTP/1.1:
    /// in HTTP/1.0 a request cannot have a body of unknown length.
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

    /// `peer` is the version that the client speaks, `method` the one of its request. To HTTP/1.0 a stream goes until
    /// the connection closes.
    ///
    /// A response that has no body keeps a Content-Length only where that tells the length of another response's body
    /// (HEAD, 304; RFC 9110, section 8.6).
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

    /// Leaves to a response without a body what is true of another response's, and nothing contradictory.
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

    /// The fields of an interim response to any client: it has no body, and is for this connection alone (RFC 9110,
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

    package static func removeFramingFields(from fields: inout HeaderFields) {
        fields.remove("content-length")
        fields.remove("transfer-encoding")
        fields.remove("trailer")
    }

    /// Puts this field where the first of its kind, or else the first framing field, stood, and drops the others.
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
    /// Makes Content-Length say how long the body is, if that is known; the frames of HTTP/2 tell its end.
    package static func setLength(of body: OutgoingBody, in fields: inout HeaderFields) {
        switch body {
        case .length(let length):
            if (try? ContentLength(of: fields)) != .once(length) { fields.set("content-length", String(length)) }
        case .stream:
            fields.remove("content-length")
        }
    }
}
