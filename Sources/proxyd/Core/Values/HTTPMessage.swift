import AddonProtocol
import NIOCore
import ProxyCodecs

/// The body of a message as far as it is held in memory.
struct Body: Sendable {
    /// What is known of the body without its content coding.
    enum Form: Sendable {
        /// Nothing: nobody has asked.
        case coded
        /// This; `bytes` is the same with the coding.
        case decoded(ByteBuffer)
        /// This is what an addon put in its place; `bytes` is nil until it is coded again.
        case replaced(ByteBuffer)
        /// It has no coding, or one that cannot be undone.
        case undecodable
    }

    /// What is held; nil when nothing is (not read yet, or passed on without being held).
    var bytes: ByteBuffer?
    /// Whether `bytes` is the whole body.
    var isComplete = false
    /// How many bytes of body have come, held or not.
    var size = 0
    var form = Form.coded

    static let empty = Body(bytes: ByteBuffer(), isComplete: true, size: 0)

    /// The body has been passed on to its end; it is complete if all of it has been kept.
    ///
    /// - Parameter count: how many bytes went on, where addons have changed them on the way; else as many as came.
    mutating func passedOn(_ count: Int? = nil) {
        size = count ?? size
        if size == 0 { bytes = ByteBuffer() }
        isComplete = bytes?.readableBytes == size
    }

    static func whole(_ bytes: ByteBuffer) -> Body {
        Body(bytes: bytes, isComplete: true, size: bytes.readableBytes)
    }
}

extension Body {
    /// Has a Content-Length that is there tell the length of this body, which has taken the place of another (RFC 9110,
    /// section 8.6). One that is still to be coded has none yet.
    fileprivate func setContentLength(in fields: inout HeaderFields) {
        guard isComplete, let bytes, fields.contains("content-length") else { return }
        MessageRules.setLength(of: .length(UInt64(bytes.readableBytes)), in: &fields)
    }
}

/// An HTTP request (RFC 9110, section 3.4) as flows hold it, whatever version carried it.
struct HTTPRequest: Sendable {
    var method: String
    var scheme: String
    var host: String
    var port: Int
    /// Path and query, byte for byte as in the request target.
    var path: [UInt8]
    /// The target's authority: of absolute-form and authority-form requests, else empty.
    var authority: [UInt8]
    var version: HTTPVersion
    var headers: HeaderFields
    /// Whether its Proxy-Authorization is an addon's, for the next proxy; the client's own is for this one.
    var hasOwnProxyAuthorization = false
    var body = Body()
    var trailers: HeaderFields?
    var timestampStart: Double
    var timestampEnd: Double?

    /// Host and port as in a URL and a Host field.
    var destinationText: String { Authority(host: host, port: port).description(scheme: scheme) }

    /// The body is another than the one that came.
    mutating func followContentLength() { body.setContentLength(in: &headers) }

    /// The Proxy-Authorization that an addon set for the proxy to which the request goes.
    var loginAtNextProxy: ArraySlice<UInt8>? {
        hasOwnProxyAuthorization ? headers.first("proxy-authorization") : nil
    }

    /// `scheme://authority/path`; the authority alone for a CONNECT.
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

    /// The body is another than the one that came. One that is not sent leaves the field as it is: it tells of another.
    mutating func followContentLength(toMethod method: String) {
        if BodyFraming.hasBody(status: status, method: method) { body.setContentLength(in: &headers) }
    }
}
