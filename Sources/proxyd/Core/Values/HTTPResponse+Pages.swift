import AddonProtocol
import NIOCore
import ProxyCodecs

extension HTTPResponse {
    /// The response that a server's head begins.
    init(_ head: ResponseHead, hasBody: Bool) {
        self.init(
            status: head.status,
            reason: head.reason,
            version: head.version,
            headers: head.fields,
            body: hasBody ? Body() : .empty,
            timestampStart: secondsSinceEpoch(),
            origin: .server
        )
    }

    /// The page that tells a client why its request failed.
    static func page(for error: FlowError) -> HTTPResponse { page(error.status, error.message) }

    /// A plain-text page from the proxy itself.
    static func page(_ status: Int, _ message: String) -> HTTPResponse {
        let now = secondsSinceEpoch()
        let reason = HTTPSyntax.reason(of: status)
        let text = "\(status) \(String(decoding: reason, as: UTF8.self))\n\nproxyd: \(message)\n"
        return HTTPResponse(
            status: status,
            reason: reason,
            version: .http11,
            headers: ["Content-Type": "text/plain; charset=utf-8", "Cache-Control": "no-store"],
            body: .whole(ByteBuffer(string: text)),
            timestampStart: now,
            timestampEnd: now,
            origin: .proxy
        )
    }
}
