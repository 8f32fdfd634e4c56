import NIOHTTP2

/// Why a stream ended before both of its messages did (RFC 9113, section 5.4).
enum HTTP2Failure: Error, Equatable, CustomStringConvertible {
    /// The peer reset the stream.
    case reset(HTTP2ErrorCode)
    /// The peer says that it has not acted on the stream, by GOAWAY or REFUSED_STREAM.
    case refused
    /// The connection was lost.
    case connectionLost(String)

    var description: String {
        switch self {
        case .reset(let code): "the stream was reset with \(code.name)"
        case .refused: "the stream was refused"
        case .connectionLost(let reason): reason
        }
    }
}

extension HTTP2ErrorCode {
    /// The name in RFC 9113, section 7.
    var name: String {
        switch self {
        case .noError: "NO_ERROR"
        case .protocolError: "PROTOCOL_ERROR"
        case .internalError: "INTERNAL_ERROR"
        case .flowControlError: "FLOW_CONTROL_ERROR"
        case .settingsTimeout: "SETTINGS_TIMEOUT"
        case .streamClosed: "STREAM_CLOSED"
        case .frameSizeError: "FRAME_SIZE_ERROR"
        case .refusedStream: "REFUSED_STREAM"
        case .cancel: "CANCEL"
        case .compressionError: "COMPRESSION_ERROR"
        case .connectError: "CONNECT_ERROR"
        case .enhanceYourCalm: "ENHANCE_YOUR_CALM"
        case .inadequateSecurity: "INADEQUATE_SECURITY"
        case .http11Required: "HTTP_1_1_REQUIRED"
        default: "error \(networkCode)"
        }
    }
}

/// A peer's violation that ends the whole connection (RFC 9113, section 5.4.1).
struct HTTP2Breach: Error, CustomStringConvertible {
    let code: HTTP2ErrorCode
    let description: String

    init(_ code: HTTP2ErrorCode, _ description: String) {
        self.code = code
        self.description = description
    }

    static let lateHead = HTTP2Breach(.enhanceYourCalm, "a frame of a head that did not end within head_timeout")
}
