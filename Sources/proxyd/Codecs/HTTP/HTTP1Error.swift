/// Why a message is not valid HTTP/1 and may not be forwarded. Its connection cannot be used any further.
package struct HTTP1Error: Error, Equatable, CustomStringConvertible {
    /// The kind of error.
    package enum Code: String, Sendable {
        case headTooLarge
        case requestLineTooLong
        case tooManyFields
        case bareLineFeed
        case controlCharacter
        case emptyLines
        case badMethod
        case unsupportedMethod
        case badTarget
        case badVersion
        case unsupportedVersion
        case badStatusLine
        case foldedField
        case badFieldName
        case badFieldValue
        case badHost
        case badContentLength
        case badTransferCoding
        case unsupportedTransferCoding
        case contradictoryFraming
        case badChunk
        case badTrailer
        case incompleteBody
        case lateHead
    }

    /// The kind of error.
    package var code: Code
    /// A sentence for people: what was wrong, where, and what is allowed.
    package var message: String

    /// An error with this code and this message for people.
    package init(_ code: Code, _ message: String) {
        self.code = code
        self.message = message
    }

    /// The status of the answer to a request with this error. A response with this error becomes a 502 to the client.
    package var status: Int {
        switch code {
        case .headTooLarge, .requestLineTooLong, .tooManyFields: 431
        case .lateHead: 408
        case .unsupportedVersion: 505
        case .unsupportedTransferCoding, .unsupportedMethod: 501
        default: 400
        }
    }

    /// The code and the message.
    package var description: String { "\(code.rawValue): \(message)" }
}

extension HTTP1Error {
    /// The error when a head is not complete in time.
    package static func lateHead(_ seconds: Int) -> HTTP1Error {
        HTTP1Error(.lateHead, "the head has not ended within head_timeout, \(seconds) s")
    }
}

/// Bytes from a peer in the form for messages: in quotes, at most 40 of them, all but printable ASCII as `\xNN`.
package func quoted(_ bytes: some Collection<UInt8>) -> String {
    var text = "\""
    for byte in bytes.prefix(40) {
        text += (0x20...0x7e).contains(byte) ? String(Unicode.Scalar(byte)) : "\\x" + hexadecimal(byte)
    }
    return text + (bytes.count > 40 ? "…\"" : "\"")
}

/// Two digits: `0d`.
package func hexadecimal(_ byte: UInt8) -> String {
    (byte < 16 ? "0" : "") + String(byte, radix: 16)
}
