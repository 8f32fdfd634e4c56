/// How frames are told apart on the socket; both directions use what the first byte from the addon chose.
public enum Framing: Sendable, Equatable {
    /// One frame per line, ended by LF.
    case lines
    /// `Content-Length: N`, CR LF CR LF, then N bytes, as the Language Server Protocol has it.
    case contentLength

    /// What goes before a frame of `byteCount` bytes.
    public func prefix(byteCount: Int) -> [UInt8] {
        switch self {
        case .lines: []
        case .contentLength: Array("Content-Length: \(byteCount)\r\n\r\n".utf8)
        }
    }

    /// What goes after a frame.
    public var suffix: [UInt8] {
        switch self {
        case .lines: [UInt8(ascii: "\n")]
        case .contentLength: []
        }
    }

    /// `json`, which must have no LF in it, as a frame.
    public func frame(_ json: [UInt8]) -> [UInt8] {
        var frame = prefix(byteCount: json.count)
        frame.reserveCapacity(frame.count + json.count + 1)
        frame += json
        frame += suffix
        return frame
    }
}
