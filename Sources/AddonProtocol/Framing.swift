/// How frames are delimited. The first byte from the addon decides, for both directions.
public enum Framing: Sendable, Equatable {
    /// One frame per line, ended by LF.
    case lines
    /// `Content-Length: N`, CR LF CR LF, then N bytes, as in the Language Server Protocol.
    case contentLength

    /// What precedes a frame of `byteCount` bytes.
    public func prefix(byteCount: Int) -> [UInt8] {
        switch self {
        case .lines: []
        case .contentLength: Array("Content-Length: \(byteCount)\r\n\r\n".utf8)
        }
    }

    /// What follows a frame.
    public var suffix: [UInt8] {
        switch self {
        case .lines: [UInt8(ascii: "\n")]
        case .contentLength: []
        }
    }

    /// Frames `json`, which must not contain LF.
    public func frame(_ json: [UInt8]) -> [UInt8] {
        var frame = prefix(byteCount: json.count)
        frame.reserveCapacity(frame.count + json.count + 1)
        frame += json
        frame += suffix
        return frame
    }
}
