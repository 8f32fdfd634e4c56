import AddonProtocol
import NIOCore
import ProxyCodecs

/// The body of a message, as far as it is in memory.
struct Body: Sendable {
    /// What is known of the body without its content coding.
    enum Form: Sendable {
        /// Nothing: nobody has asked for it.
        case coded
        /// The decoded content; `bytes` is the encoded one.
        case decoded(ByteBuffer)
        /// New content from an addon; `bytes` is nil until it is encoded.
        case replaced(ByteBuffer)
        /// The body has no coding, or one that cannot be decoded.
        case undecodable
    }

    /// The bytes held; nil when the body has not been read yet or is streamed without being copied.
    var bytes: ByteBuffer?
    /// Whether `bytes` is the whole body.
    var isComplete = false
    /// How many bytes of the body have arrived, held or not.
    var size = 0
    var form = Form.coded

    static let empty = Body(bytes: ByteBuffer(), isComplete: true, size: 0)

    /// Notes that the body has been streamed to its end; it is complete if all of it was kept.
    ///
    /// - Parameter count: how many bytes were sent, if addons changed them on the way; nil means as many as arrived.
    mutating func passedOn(_ count: Int? = nil) {
        size = count ?? size
        if size == 0 { bytes = ByteBuffer() }
        isComplete = bytes?.readableBytes == size
    }

    /// A complete body.
    static func whole(_ bytes: ByteBuffer) -> Body {
        Body(bytes: bytes, isComplete: true, size: bytes.readableBytes)
    }
}

extension Body {
    /// Updates an existing Content-Length to the length of this body, which has replaced another (RFC 9110, section
    /// 8.6). A body that still has to be encoded has no length yet.
    fileprivate func setContentLength(in fields: inout HeaderFields) {
        guard isComplete, let bytes, fields.contains("content-length") else { return }
        MessageRules.setLength(of: .length(UInt64(bytes.readableBytes)), in: &fields)
    }
}

/// An HTTP request (RFC 9110, section 3.4) as flows hold it, in a form independent of the version.
struct HTTPRequest: Sendable {
    var method: String
    var scheme: String
    var host: String
    var port: Int
    /// Path and query, byte for byte as in the request target.
    var path: [UInt8]
    /// The authority of an absolute-form or authority-form target; empty otherwise.
    var authority: [UInt8]
    var version: HTTPVersion
    var headers: HeaderFields
    /// Whether an addon set Proxy-Authorization for the next proxy. The client's own is meant for this proxy.
    var hasOwnProxyAuthorization = false
    var body = Body()
    var trailers: HeaderFields?
    var timestampStart: Double
    var timestampEnd: Double?

    /// Host and port as they appear in a URL and a Host field.
    var destinationText: String { Authority(host: host, port: port).description(scheme: scheme) }

    /// Updates Content-Length after the body was replaced.
    mutating func followContentLength() { body.setContentLength(in: &headers) }

    /// The Proxy-Authorization that an addon set for the next proxy.
    var loginAtNextProxy: ArraySlice<UInt8>? {
        hasOwnProxyAuthorization ? headers.first("proxy-authorization") : nil
    }

    /// `scheme://authority/path`; for CONNECT, the authority alone.
    var url: [UInt8] {
        guard method != "CONNECT" else {
            return Array(Authority(host: host, port: port).description(defaultPort: nil).utf8)
        }
        let prefix = scheme + "://" + destinationText
        return Array(prefix.utf8) + (path == [UInt8(ascii: "*")] ? [] : path)
    }
}

/// An HTTP response (RFC 9110, section 3.4) as flows hold it.
struct HTTPResponse: Sendable {
    /// Where a response comes from.
    enum Origin: Sendable, Equatable {
        case server
        case proxy
        case addon(String)

        var name: String {
            switch self {
            case .server: "server"
            case .proxy: "proxy"
            case .addon(let name): "addon:" + name
            }
        }
    }

    var status: Int
    var reason: [UInt8]
    var version: HTTPVersion
    var headers: HeaderFields
    var body = Body()
    var trailers: HeaderFields?
    var timestampStart: Double
    var timestampEnd: Double?
    var origin: Origin

    /// Updates Content-Length after the body was replaced. A response without a body keeps the field, which describes
    /// another.
    mutating func followContentLength(toMethod method: String) {
        if BodyFraming.hasBody(status: status, method: method) { body.setContentLength(in: &headers) }
    }
}
