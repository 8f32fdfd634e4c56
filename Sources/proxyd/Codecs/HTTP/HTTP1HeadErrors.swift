/// Errors in a start line.
extension HTTP1Error {
    static func badMethod(_ byte: UInt8) -> HTTP1Error {
        HTTP1Error(
            .badMethod,
            "the byte 0x\(hexadecimal(byte)) in the method; letters, digits and !#$%&'*+-.^_`|~ are allowed, "
                + "then one space"
        )
    }

    static func noTarget(_ line: UnsafeRawBufferPointer) -> HTTP1Error {
        HTTP1Error(
            .badTarget,
            "the request line \(quoted(line)) has no target; it must be \"METHOD target HTTP/1.1\", one space between"
        )
    }

    /// A byte that a request target may not contain.
    package static func badTarget(_ byte: UInt8) -> HTTP1Error {
        HTTP1Error(
            .badTarget,
            "the byte 0x\(hexadecimal(byte)) in the request target; whitespace and controls are not allowed"
        )
    }

    static func noVersion(_ line: UnsafeRawBufferPointer) -> HTTP1Error {
        HTTP1Error(.badVersion, "the request line \(quoted(line)) does not end with HTTP/1.1 or HTTP/1.0")
    }

    /// A byte with which no status line starts.
    package static func badStatusLine(startingWith byte: UInt8) -> HTTP1Error {
        HTTP1Error(
            .badStatusLine,
            "the byte 0x\(hexadecimal(byte)) where a status line was expected; it must be \"HTTP/1.1 200 reason\""
        )
    }

    /// A status line that does not parse.
    package static func badStatusLine(_ line: UnsafeRawBufferPointer) -> HTTP1Error {
        HTTP1Error(
            .badStatusLine,
            "the status line \(quoted(line)) is not \"HTTP/1.1 200 reason\" with a status from 100 to 999"
        )
    }

    static func badReason(_ byte: UInt8) -> HTTP1Error {
        HTTP1Error(
            .badStatusLine,
            "the control byte 0x\(hexadecimal(byte)) in the reason phrase; of the controls only a tab is allowed"
        )
    }
}
