package import AddonProtocol
package import NIOCore

/// A part of a body. In order: any number of `data`, then one `end`.
package enum BodyPart: Equatable, Sendable {
    /// Not empty. The slice keeps the whole buffer that it was read from in memory.
    case data(ByteBuffer)
    /// `trailers` is nil unless the body was chunked and had some.
    case end(trailers: HeaderFields?)
}

/// Parses one message's body (RFC 9112, sections 6 and 7). Data is returned as it arrives, even a part of a chunk.
package struct HTTP1BodyParser {
    private enum State {
        case length(remaining: UInt64)
        case untilClose
        case chunkLine
        case chunkData(remaining: UInt64)
        case chunkEnd
        case trailers
        case ended
        case failed(HTTP1Error)
    }

    private let limits: HeadLimits
    private let isFromServer: Bool
    private var state: State
    private var trailers: FieldSection
    /// How many bytes of an incomplete chunk line are known to contain no LF.
    private var searched = 0

    /// - Parameter isFromServer: whether to repair trailers like the fields of a response.
    package init(framing: BodyFraming, limits: HeadLimits, isFromServer: Bool = false) {
        self.limits = limits
        self.isFromServer = isFromServer
        trailers = FieldSection(limits: limits)
        switch framing {
        case .none: state = .length(remaining: 0)
        case .length(let length): state = .length(remaining: length)
        case .chunked: state = .chunkLine
        case .untilClose: state = .untilClose
        }
    }

    /// The last line, in quotes, that was left out of the trailers because it is not a field.
    package var ignoredLine: String? { trailers.ignoredLine }

    /// Whether `end` has been returned; what remains in the buffer belongs to the next message.
    package var isEnded: Bool {
        if case .ended = state { true } else { false }
    }

    /// The next part; nil: more bytes are needed, or the body has ended.
    package mutating func next(from buffer: inout ByteBuffer) throws(HTTP1Error) -> BodyPart? {
        do {
            return try advance(in: &buffer)
        } catch {
            state = .failed(error)
            throw error
        }
    }

    /// Call this when the peer has closed the connection and `next` returns nothing more: it returns `end` if that ends this body.
    package mutating func inputClosed() throws(HTTP1Error) -> BodyPart? {
        switch state {
        case .ended: return nil
        case .failed(let error): throw error
        case .untilClose, .length(remaining: 0): return end(trailers: nil)
        case .length(let remaining):
            throw HTTP1Error(.incompleteBody, "the connection closed with \(remaining) bytes of the body missing")
        case .chunkLine, .chunkData, .chunkEnd, .trailers:
            throw HTTP1Error(.incompleteBody, "the connection closed before the last chunk of the body")
        }
    }

    private mutating func end(trailers: HeaderFields?) -> BodyPart {
        state = .ended
        return .end(trailers: trailers)
    }
}

// MARK: - States

extension HTTP1BodyParser {
    private mutating func advance(in buffer: inout ByteBuffer) throws(HTTP1Error) -> BodyPart? {
        while true {
            switch state {
            case .ended: return nil
            case .failed(let error): throw error
            case .length(remaining: 0): return end(trailers: nil)
            case .length(let remaining):
                return takeData(from: &buffer, atMost: remaining) { .length(remaining: $0) }
            case .untilClose:
                return takeData(from: &buffer, atMost: .max) { _ in .untilClose }
            case .chunkLine:
                guard let size = try takeChunkLine(from: &buffer) else { return nil }
                state = size == 0 ? .trailers : .chunkData(remaining: size)
            case .chunkData(remaining: 0):
                state = .chunkEnd
            case .chunkData(let remaining):
                return takeData(from: &buffer, atMost: remaining) { .chunkData(remaining: $0) }
            case .chunkEnd:
                guard try takeChunkEnd(from: &buffer) else { return nil }
                state = .chunkLine
            case .trailers:
                guard try takeTrailers(from: &buffer) else { return nil }
                return end(trailers: trailers.fields.isEmpty ? nil : trailers.fields)
            }
        }
    }

    private mutating func takeData(
        from buffer: inout ByteBuffer,
        atMost limit: UInt64,
        then state: (UInt64) -> State
    ) -> BodyPart? {
        let count = Int(min(UInt64(buffer.readableBytes), limit))
        guard count > 0, let data = buffer.readSlice(length: count) else { return nil }
        self.state = state(limit - UInt64(count))
        return .data(data)
    }

    /// Consumes the CR LF after a chunk's data.
    private func takeChunkEnd(from buffer: inout ByteBuffer) throws(HTTP1Error) -> Bool {
        let end = buffer.readableBytesView.prefix(2)
        for (byte, expected) in zip(end, "\r\n".utf8) where byte != expected {
            throw HTTP1Error(
                .badChunk,
                "the byte 0x\(hexadecimal(byte)) after a chunk's data; CR LF must follow as many bytes as its size said"
            )
        }
        guard end.count == 2 else { return false }
        buffer.moveReaderIndex(forwardBy: 2)
        return true
    }

    private mutating func takeTrailers(from buffer: inout ByteBuffer) throws(HTTP1Error) -> Bool {
        var position = 0
        let isWhole = try buffer.withUnsafeReadableBytes { bytes throws(HTTP1Error) in
            while let line = try trailers.line(in: bytes, at: position, of: .trailers) {
                position = line.upperBound + 2
                guard !line.isEmpty else { return true }
                let content = UnsafeRawBufferPointer(rebasing: bytes[line])
                if isFromServer { try trailers.append(fromServer: content) } else { try trailers.append(content) }
            }
            return false
        }
        buffer.moveReaderIndex(forwardBy: position)
        if isWhole { try checkTrailers() }
        return isWhole
    }

    /// Refuses trailers that framing or routing depend on (RFC 9110, section 6.5.1).
    private func checkTrailers() throws(HTTP1Error) {
        let forbidden: [StaticString] = ["content-length", "transfer-encoding", "host"]
        for name in forbidden where trailers.fields.contains(name) {
            throw HTTP1Error(.badTrailer, "\(name) among the trailers; it is allowed in a head only")
        }
    }
}

// MARK: - Chunk lines

extension HTTP1BodyParser {
    /// The size of the next chunk: `1*HEXDIG [BWS ";" extensions] CRLF` (RFC 9112, section 7.1).
    private mutating func takeChunkLine(from buffer: inout ByteBuffer) throws(HTTP1Error) -> UInt64? {
        var taken = 0
        let size = try buffer.withUnsafeReadableBytes { bytes throws(HTTP1Error) -> UInt64? in
            guard let end = indexOfLineFeed(in: bytes, from: searched) else {
                searched = bytes.count
                guard searched < HTTP1Limits.chunkLineBytes else { throw chunkLineTooLong() }
                return nil
            }
            searched = 0
            taken = end + 1
            guard taken <= HTTP1Limits.chunkLineBytes else { throw chunkLineTooLong() }
            guard end > 0, bytes[end - 1] == UInt8(ascii: "\r") else { throw .bareLineFeed }
            return try chunkSize(UnsafeRawBufferPointer(rebasing: bytes[..<(end - 1)]))
        }
        buffer.moveReaderIndex(forwardBy: taken)
        return size
    }

    private func chunkSize(_ line: UnsafeRawBufferPointer) throws(HTTP1Error) -> UInt64 {
        var size: UInt64 = 0
        var index = 0
        while index < line.count, let digit = hexadecimalDigit(line[index]) {
            guard size >> 59 == 0 else {
                throw HTTP1Error(.badChunk, "the chunk size \(quoted(line)) is over \(Int64.max), the limit")
            }
            size = size << 4 | UInt64(digit)
            index += 1
        }
        guard index > 0 else {
            throw HTTP1Error(.badChunk, "the chunk line \(quoted(line)) does not start with a size in hexadecimal")
        }
        try checkExtensions(line, from: index)
        return size
    }

    /// Allows whitespace after the size, which some servers add as padding, and skips extensions (RFC 9112, section 7.1.1).
    private func checkExtensions(_ line: UnsafeRawBufferPointer, from start: Int) throws(HTTP1Error) {
        var index = start
        while index < line.count, isSpace(line[index]) { index += 1 }
        guard index < line.count else { return }
        guard line[index] == UInt8(ascii: ";") else {
            throw HTTP1Error(
                .badChunk,
                "the byte 0x\(hexadecimal(line[index])) after the size in the chunk line \(quoted(line)); "
                    + "only an extension, which starts with \";\", is allowed there"
            )
        }
        let bad = ByteClass.fieldContent.prefixLength(of: line, from: index)
        guard bad == line.count else {
            throw HTTP1Error(
                .badChunk,
                "the control byte 0x\(hexadecimal(line[bad])) in a chunk's extensions; only a tab is allowed"
            )
        }
    }

    private func chunkLineTooLong() -> HTTP1Error {
        let limit = HTTP1Limits.chunkLineBytes
        return HTTP1Error(.badChunk, "the line with a chunk's size is longer than \(limit) bytes, the limit")
    }
}

/// The value of a hexadecimal digit; nil for any other byte.
func hexadecimalDigit(_ byte: UInt8) -> UInt8? {
    switch byte {
    case UInt8(ascii: "0")...UInt8(ascii: "9"): byte - UInt8(ascii: "0")
    case UInt8(ascii: "a")...UInt8(ascii: "f"): byte - UInt8(ascii: "a") + 10
    case UInt8(ascii: "A")...UInt8(ascii: "F"): byte - UInt8(ascii: "A") + 10
    default: nil
    }
}
