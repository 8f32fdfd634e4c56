#if canImport(Glibc)
import Glibc
#else
import Musl
#endif

/// Splits a byte stream into frames, however its bytes arrive.
///
/// After each `append`, call `next()` until it returns nil, so that at most one frame and one read are buffered. After
/// an error the connection is unusable, and every call throws the same error.
public struct FrameDecoder: Sendable {
    /// The default limit on a frame's length, in bytes.
    public static let defaultMaximumFrameBytes = 64 * 1024 * 1024
    /// The longest line in the header of a Content-Length frame, in bytes.
    private static let maximumHeaderLineBytes = 1024
    /// The most header lines of a Content-Length frame.
    private static let maximumHeaderLines = 16
    /// An empty buffer is freed when its capacity exceeds this, in bytes.
    private static let maximumKeptBytes = 1024 * 1024

    private enum State {
        case undecided
        case line
        case header(contentLength: Int?, lines: Int)
        case content(length: Int)
        case failed(ProtocolError)
    }

    private let maximumFrameBytes: Int
    private var buffer: [UInt8] = []
    /// The offset of the first byte that is not consumed.
    private var start = 0
    /// The end of the bytes that contain no line feed.
    private var searched = 0
    private var state = State.undecided

    /// The framing of the connection; nil until the first byte has arrived.
    public private(set) var framing: Framing?

    /// Creates a decoder that throws at frames longer than the limit.
    public init(maximumFrameBytes: Int = FrameDecoder.defaultMaximumFrameBytes) {
        self.maximumFrameBytes = maximumFrameBytes
    }

    /// Buffers bytes from the connection.
    public mutating func append(_ bytes: UnsafeRawBufferPointer) {
        if case .failed = state { return }
        dropConsumed()
        buffer.append(contentsOf: bytes)
    }

    /// Buffers bytes from the connection.
    public mutating func append(_ bytes: [UInt8]) {
        bytes.withUnsafeBytes { append($0) }
    }

    /// The next complete frame without its framing; nil when more bytes are needed.
    public mutating func next() throws(ProtocolError) -> [UInt8]? {
        try next { Array($0) }
    }

    /// Passes the next complete frame to `read` without copying it; nil when more bytes are needed.
    public mutating func next<Frame>(_ read: (UnsafeRawBufferPointer) -> Frame) throws(ProtocolError) -> Frame? {
        do throws(ProtocolError) {
            while let frame = try step() {
                guard !frame.isEmpty else { continue }
                return buffer.withUnsafeBytes { read(UnsafeRawBufferPointer(rebasing: $0[frame])) }
            }
            return nil
        } catch {
            fail(error)
            throw error
        }
    }
}

/// The steps of decoding. Each returns the range of a frame, nil when it needs more bytes, or an empty range when there
/// is no frame but the next step can follow.
extension FrameDecoder {
    private mutating func step() throws(ProtocolError) -> Range<Int>? {
        switch state {
        case .undecided: decideFraming()
        case .line: try nextLine()
        case .header(let length, let lines): try nextHeaderLine(length, lines)
        case .content(let length): nextContent(length)
        case .failed(let error): throw error
        }
    }

    private mutating func decideFraming() -> Range<Int>? {
        guard let first = buffer.first else { return nil }
        let framing: Framing = first == UInt8(ascii: "C") ? .contentLength : .lines
        self.framing = framing
        state = framing == .lines ? .line : .header(contentLength: nil, lines: 0)
        return 0..<0
    }

    private mutating func nextLine() throws(ProtocolError) -> Range<Int>? {
        guard let line = takeLine() else {
            if unfinishedLineCount > maximumFrameBytes { throw .frameTooLarge(limit: maximumFrameBytes) }
            return nil
        }
        if line.count > maximumFrameBytes { throw .frameTooLarge(limit: maximumFrameBytes) }
        return line
    }

    private mutating func nextHeaderLine(_ length: Int?, _ lines: Int) throws(ProtocolError) -> Range<Int>? {
        let line = takeLine()
        guard (line?.count ?? unfinishedLineCount) <= Self.maximumHeaderLineBytes, lines <= Self.maximumHeaderLines
        else { throw Self.badHeader("is too long") }
        guard let line else { return nil }
        if line.isEmpty {
            guard let length else { throw Self.badHeader("has no Content-Length") }
            state = .content(length: length)
        } else {
            state = .header(contentLength: try contentLength(buffer[line]) ?? length, lines: lines + 1)
        }
        return 0..<0
    }

    private mutating func nextContent(_ length: Int) -> Range<Int>? {
        guard buffer.count - start >= length else { return nil }
        let frame = start..<start + length
        start += length
        searched = start
        state = .header(contentLength: nil, lines: 0)
        return frame
    }

    /// The length in this header line; nil when it is another field.
    private func contentLength(_ line: ArraySlice<UInt8>) throws(ProtocolError) -> Int? {
        guard let colon = line.firstIndex(of: UInt8(ascii: ":")) else {
            throw Self.badHeader("has a line without a colon")
        }
        guard line[..<colon].map(asciiLowercase) == Array("content-length".utf8) else { return nil }
        let digits = line[(colon + 1)...].trimmingOptionalWhitespace()
        guard !digits.isEmpty, digits.allSatisfy({ (UInt8(ascii: "0")...UInt8(ascii: "9")).contains($0) }) else {
            throw Self.badHeader("has a Content-Length that is not a number")
        }
        guard let length = Int(String(decoding: digits, as: UTF8.self)), length <= maximumFrameBytes else {
            throw .frameTooLarge(limit: maximumFrameBytes)
        }
        return length
    }

    private static func badHeader(_ what: String) -> ProtocolError {
        ProtocolError(code: ProtocolError.parseError, message: "the header of a frame \(what)")
    }
}

extension FrameDecoder {
    /// Consumes a line and returns the range of its text, without the LF and a CR before it.
    private mutating func takeLine() -> Range<Int>? {
        guard let lineFeed = findLineFeed() else {
            searched = buffer.count
            return nil
        }
        let hasCarriageReturn = lineFeed > start && buffer[lineFeed - 1] == UInt8(ascii: "\r")
        let line = start..<(hasCarriageReturn ? lineFeed - 1 : lineFeed)
        start = lineFeed + 1
        searched = start
        return line
    }

    /// The length of an incomplete line, without a CR at its end, which may belong to the line end.
    private var unfinishedLineCount: Int {
        let count = buffer.count - start
        return count > 0 && buffer.last == UInt8(ascii: "\r") ? count - 1 : count
    }

    private func findLineFeed() -> Int? {
        buffer.withUnsafeBytes { bytes in
            guard let base = bytes.baseAddress, searched < bytes.count else { return nil }
            guard let found = memchr(base + searched, 0x0A, bytes.count - searched) else { return nil }
            return UnsafeRawPointer(found) - base
        }
    }

    private mutating func dropConsumed() {
        guard start > 0 else { return }
        if start < buffer.count {
            buffer.removeSubrange(..<start)
        } else {
            buffer.removeAll(keepingCapacity: buffer.capacity <= Self.maximumKeptBytes)
        }
        searched -= start
        start = 0
    }

    private mutating func fail(_ error: ProtocolError) {
        state = .failed(error)
        buffer = []
        start = 0
        searched = 0
    }
}
