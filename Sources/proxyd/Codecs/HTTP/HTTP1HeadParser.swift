import AddonProtocol
package import NIOCore

/// Parses the heads of one side of a connection, one after another (RFC 9112, sections 2 to 5).
///
/// It removes complete lines from the buffer as they arrive. An incomplete line stays in the buffer, and no byte is searched
/// twice. After an error the parser is unusable: every further call throws the same error.
package struct HTTP1HeadParser {
    private enum State {
        case startLine
        case fields
        case failed(HTTP1Error)
    }

    private let limits: HeadLimits
    private var state = State.startLine
    private var section: FieldSection
    private var emptyLines = 0
    private var method = ""
    private var target: [UInt8] = []
    private var version = HTTPVersion.http11
    private var status = 0
    private var reason: [UInt8] = []

    /// A parser with these limits for each head.
    package init(limits: HeadLimits) {
        self.limits = limits
        section = FieldSection(limits: limits)
    }

    /// What was parsed of the request that is arriving, or that failed; empty if that is nothing yet.
    package var understoodRequest: RequestHead {
        RequestHead(method: method, target: target, version: version, fields: section.fields)
    }

    /// What was parsed of the response that is arriving, or that failed; status 0 if that is nothing yet.
    var understoodResponse: ResponseHead {
        ResponseHead(status: status, reason: reason, version: version, fields: section.fields)
    }

    /// Whether a line of the next head has arrived.
    package var hasBegun: Bool {
        if case .startLine = state { emptyLines > 0 } else { true }
    }

    /// The next request head; nil: more bytes are needed.
    package mutating func request(from buffer: inout ByteBuffer) throws(HTTP1Error) -> RequestHead? {
        guard try takeHead(from: &buffer, of: .request) else { return nil }
        let head = understoodRequest
        startOver()
        return head
    }

    /// The next response head, interim ones (1xx) included; nil: more bytes are needed.
    package mutating func response(from buffer: inout ByteBuffer) throws(HTTP1Error) -> ResponseHead? {
        guard try takeHead(from: &buffer, of: .response) else { return nil }
        let head = understoodResponse
        startOver()
        return head
    }

    private mutating func startOver() {
        let ignored = section.ignoredLine
        self = HTTP1HeadParser(limits: limits)
        section.ignoredLine = ignored
    }

    /// A line, in quotes, that was left out of a response because it is not a field. It is returned once.
    package mutating func takeIgnoredLine() -> String? {
        guard section.ignoredLine != nil else { return nil }
        defer { section.ignoredLine = nil }
        return section.ignoredLine
    }
}

// MARK: - Lines

extension HTTP1HeadParser {
    private enum Kind {
        case request
        case response
    }

    private mutating func takeHead(from buffer: inout ByteBuffer, of kind: Kind) throws(HTTP1Error) -> Bool {
        if case .failed(let error) = state { throw error }
        var position = 0
        do {
            let isWhole = try buffer.withUnsafeReadableBytes { bytes throws(HTTP1Error) in
                try takeLines(in: bytes, at: &position, of: kind)
            }
            buffer.moveReaderIndex(forwardBy: position)
            return isWhole
        } catch {
            state = .failed(error)
            throw error
        }
    }

    private mutating func takeLines(
        in bytes: UnsafeRawBufferPointer,
        at position: inout Int,
        of kind: Kind
    ) throws(HTTP1Error) -> Bool {
        if case .startLine = state {
            guard try takeStartLine(in: bytes, at: &position, of: kind) else { return false }
            state = .fields
            section.reserve(bytes: bytes.count - position)
        }
        while let line = try section.line(in: bytes, at: position, of: .fields) {
            position = line.upperBound + 2
            guard !line.isEmpty else {
                try checkFields(of: kind)
                return true
            }
            let content = UnsafeRawBufferPointer(rebasing: bytes[line])
            if kind == .request { try section.append(content) } else { try section.append(fromServer: content) }
        }
        return false
    }

    /// Whether the start line was complete; empty lines before it are skipped.
    private mutating func takeStartLine(
        in bytes: UnsafeRawBufferPointer,
        at position: inout Int,
        of kind: Kind
    ) throws(HTTP1Error) -> Bool {
        try checkFirstByte(in: bytes, at: position, of: kind)
        while let line = try section.line(in: bytes, at: position, of: .startLine) {
            position = line.upperBound + 2
            let content = UnsafeRawBufferPointer(rebasing: bytes[line])
            switch kind {
            case _ where line.isEmpty:
                try countEmptyLine(before: kind)
                try checkFirstByte(in: bytes, at: position, of: kind)
            case .request:
                try takeRequestLine(content)
                return true
            case .response:
                try takeStatusLine(content)
                return true
            }
        }
        return false
    }

    /// Refuses what cannot become a start line at its first byte. Otherwise a TLS record would wait for a line end.
    private func checkFirstByte(
        in bytes: UnsafeRawBufferPointer,
        at position: Int,
        of kind: Kind
    ) throws(HTTP1Error) {
        guard position < bytes.count else { return }
        switch (kind, bytes[position]) {
        case (_, 0x0d), (_, 0x0a): return
        case (.request, let byte) where !ByteClass.token.contains(byte): throw .badMethod(byte)
        case (.response, let byte) where asciiLowercase(byte) != UInt8(ascii: "h"):
            throw .badStatusLine(startingWith: byte)
        default: return
        }
    }

    private mutating func countEmptyLine(before kind: Kind) throws(HTTP1Error) {
        emptyLines += 1
        guard emptyLines <= HTTP1Limits.leadingEmptyLines else {
            let expected = kind == .request ? "request" : "status"
            throw HTTP1Error(
                .emptyLines,
                "more than \(HTTP1Limits.leadingEmptyLines) empty lines where a \(expected) line was expected"
            )
        }
    }
}

// MARK: - Contents

extension HTTP1HeadParser {
    /// Parses `method SP request-target SP HTTP-version` (RFC 9112, section 3).
    private mutating func takeRequestLine(_ line: UnsafeRawBufferPointer) throws(HTTP1Error) {
        let methodEnd = ByteClass.token.prefixLength(of: line, from: 0)
        guard methodEnd < line.count else { throw .noTarget(line) }
        guard line[methodEnd] == 0x20 else { throw .badMethod(line[methodEnd]) }
        method = String(decoding: line[..<methodEnd], as: UTF8.self)
        let targetStart = methodEnd + 1
        let targetEnd = ByteClass.target.prefixLength(of: line, from: targetStart)
        guard targetEnd > targetStart else { throw .noTarget(line) }
        guard targetEnd < line.count else { throw .noVersion(line) }
        guard line[targetEnd] == 0x20 else { throw .badTarget(line[targetEnd]) }
        target = [UInt8](line[targetStart..<targetEnd])
        version = try HTTPVersion(UnsafeRawBufferPointer(rebasing: line[(targetEnd + 1)...]))
    }

    /// Parses `HTTP-version SP status-code SP [reason-phrase]` (RFC 9112, section 4). The last SP may be missing, the first
    /// may be repeated, and `HTTP` may be in any case.
    private mutating func takeStatusLine(_ line: UnsafeRawBufferPointer) throws(HTTP1Error) {
        var start = 8
        while start < line.count, line[start] == 0x20 { start += 1 }
        let end = start + 3
        guard start > 8, line.count == end || (line.count > end && line[end] == 0x20) else {
            throw .badStatusLine(line)
        }
        version = try HTTPVersion(UnsafeRawBufferPointer(rebasing: line[..<8]), ignoringCase: true)
        guard let code = decimal(line[start..<end]), code >= 100 else { throw .badStatusLine(line) }
        status = Int(code)
        let bad = ByteClass.fieldContent.prefixLength(of: line, from: end)
        guard bad == line.count else { throw .badReason(line[bad]) }
        reason = [UInt8](line.dropFirst(end + 1))
    }

    private mutating func checkFields(of kind: Kind) throws(HTTP1Error) {
        if kind == .request { try MessageRules.checkHost(section.fields, version: version) }
        let length = try ContentLength(of: section.fields)
        if case .repeated(let value) = length { section.replace("Content-Length", with: Array(String(value).utf8)) }
    }
}

extension HTTPVersion {
    /// A peer with a higher minor version also accepts HTTP/1.1 (RFC 9110, section 2.5).
    fileprivate init(_ bytes: UnsafeRawBufferPointer, ignoringCase: Bool = false) throws(HTTP1Error) {
        let (name, http) = (bytes.prefix(5), "HTTP/".utf8)
        let isNamed = ignoringCase ? MessageRules.equalIgnoringCase(name, http) : name.elementsEqual(http)
        guard bytes.count == 8, isNamed, bytes[6] == UInt8(ascii: "."),
            let major = decimal(bytes[5..<6]), let minor = decimal(bytes[7..<8])
        else {
            throw HTTP1Error(.badVersion, "\(quoted(bytes)) is not an HTTP version; HTTP/1.1 and 1.0 are supported")
        }
        switch (major, minor) {
        case (1, 0): self = .http10
        case (1, _): self = .http11
        default:
            throw HTTP1Error(
                .unsupportedVersion,
                "the version \(quoted(bytes)) is not spoken here; HTTP/1.1 and HTTP/1.0 are"
            )
        }
    }
}
