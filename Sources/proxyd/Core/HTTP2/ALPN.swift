/// Protocol names of ALPN (RFC 7301).
enum ALPN {
    static let http2 = "h2"
    static let http1 = "http/1.1"

    /// What is offered to a server for HTTP.
    static func offers(http2 isAllowed: Bool) -> [String] {
        isAllowed ? [http2, http1] : [http1]
    }
}
