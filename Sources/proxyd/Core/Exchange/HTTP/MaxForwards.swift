import AddonProtocol
import NIOCore
import ProxyCodecs

/// The field Max-Forwards of TRACE and OPTIONS: how many more proxies may forward the request (RFC 9110, section
/// 7.6.2).
enum MaxForwards {
    /// Counts this proxy, unless the field is not a number.
    ///
    /// - Returns: whether the proxy must answer the request instead of forwarding it.
    static func endsHere(_ request: inout HTTPRequest) -> Bool {
        guard request.method == "OPTIONS" || request.method == "TRACE" else { return false }
        guard let value = request.headers.first("max-forwards"), let left = decimal(value) else { return false }
        guard left > 0 else { return true }
        request.headers.set("Max-Forwards", String(left - 1))
        return false
    }
}

extension HTTPResponse {
    /// The answer of the final recipient to a TRACE or OPTIONS request.
    static func ofFinalRecipient(of request: HTTPRequest) -> HTTPResponse {
        var response = HTTPResponse.page(200, "")
        if request.method == "TRACE" {
            response.headers = ["Content-Type": "message/http"]
            response.body = .whole(request.traced)
        } else {
            response.headers = ["Allow": "GET, HEAD, POST, PUT, PATCH, DELETE, OPTIONS, TRACE"]
            response.body = .empty
        }
        return response
    }
}

extension HTTPRequest {
    /// The head as received, without fields that may be secret (RFC 9110, section 9.3.8).
    fileprivate var traced: ByteBuffer {
        var fields = headers
        fields.removeAll { fields, index in
            let name = String(decoding: fields.name(at: index).map(asciiLowercase), as: UTF8.self)
            return secrets.contains { name.contains($0) }
        }
        var head = ByteBuffer()
        HTTP1Encoder.write(
            RequestHead(
                method: method,
                target: authority.isEmpty ? path : url,
                version: version == .http2 ? .http11 : version,
                fields: fields
            ),
            into: &head
        )
        return head
    }
}

/// Parts of the names of fields whose values may be secret.
private let secrets = ["auth", "cookie", "token", "secret", "session", "password", "key"]
