import AddonProtocol

/// How the end of a message's body is determined (RFC 9112, section 6.3).
package enum BodyFraming: Equatable, Sendable {
    /// There is no body, whatever the fields say.
    case none
    case length(UInt64)
    case chunked
    /// The body of a response that ends with its connection.
    case untilClose

    /// A request without Content-Length and Transfer-Encoding has no body.
    package static func ofRequest(_ head: RequestHead) throws(HTTP1Error) -> BodyFraming {
        try declared(by: head.fields, version: head.version) ?? .none
    }

    /// `method` is the method of the request that this response answers.
    ///
    /// Responses to HEAD, 1xx, 204, 304 and 2xx to CONNECT have no body. A user agent may cope with contradictory framing by
    /// reading until the connection closes, but this refuses such a response, even one without a body, since the next
    /// recipient may not cope.
    package static func ofResponse(_ head: ResponseHead, toMethod method: String) throws(HTTP1Error) -> BodyFraming {
        if head.status < 200 { return .none }
        let declared = try declared(by: head.fields, version: head.version) ?? .untilClose
        return hasBody(status: head.status, method: method) ? declared : .none
    }

    /// Whether a response with this status to this method has a body, which may be empty.
    package static func hasBody(status: Int, method: String) -> Bool {
        switch status {
        case 100..<200, 204, 304: false
        case 200..<300 where method == "CONNECT": false
        default: method != "HEAD"
        }
    }

    private static func declared(by fields: HeaderFields, version: HTTPVersion) throws(HTTP1Error) -> BodyFraming? {
        let isCoded = fields.contains("transfer-encoding")
        switch try ContentLength(of: fields) {
        case .absent where isCoded:
            try checkTransferCoding(of: fields, version: version)
            return .chunked
        case .absent:
            return nil
        case .once where isCoded, .repeated where isCoded:
            throw HTTP1Error(
                .contradictoryFraming,
                "both Content-Length and Transfer-Encoding are there; a message is framed by one of them"
            )
        case .once(let length), .repeated(let length):
            return .length(length)
        }
    }

    /// Allows only `chunked`, once and alone, since a body with another coding could not be shown to an addon.
    private static func checkTransferCoding(of fields: HeaderFields, version: HTTPVersion) throws(HTTP1Error) {
        guard version == .http11 else {
            throw HTTP1Error(.contradictoryFraming, "Transfer-Encoding is there, but HTTP/1.0 has no transfer codings")
        }
        if isPlainlyChunked(fields) { return }
        let codings = fields.values("transfer-encoding").flatMap { value in
            value.split(separator: UInt8(ascii: ","), omittingEmptySubsequences: false)
                .map { $0.trimmingOptionalWhitespace().map(asciiLowercase) }
        }
        for coding in codings where !isRegistered(coding) {
            throw HTTP1Error(
                coding.isEmpty ? .badTransferCoding : .unsupportedTransferCoding,
                "Transfer-Encoding names \(quoted(coding)); only \"chunked\" is supported"
            )
        }
        guard codings.last == chunkedName, codings.filter({ $0 == chunkedName }).count == 1 else {
            throw HTTP1Error(.badTransferCoding, "Transfer-Encoding must end with \"chunked\", and name it once")
        }
        throw HTTP1Error(
            .unsupportedTransferCoding,
            "Transfer-Encoding names \(quoted(codings[0])) before \"chunked\"; only \"chunked\" is supported"
        )
    }

    /// Whether there is exactly one Transfer-Encoding, and it is `chunked`.
    static func isPlainlyChunked(_ fields: HeaderFields) -> Bool {
        var lines = 0
        var areChunked = true
        fields.forEachIndex(of: "transfer-encoding") { index in
            lines += 1
            areChunked = areChunked && isEqual(fields.value(at: index), ignoringCase: "chunked")
        }
        return lines == 1 && areChunked
    }

    private static let chunkedName = Array("chunked".utf8)

    /// The transfer codings of RFC 9112, section 7.
    private static func isRegistered(_ coding: [UInt8]) -> Bool {
        ["chunked", "gzip", "x-gzip", "deflate", "compress", "x-compress"].contains { coding.elementsEqual($0.utf8) }
    }
}
