import AddonProtocol
import NIOCore
import ProxyCodecs

/// One message of an HTTP flow below its line, indented: start line, fields, and the visible part of the body.
struct PrintedSection {
    private let startLine: [UInt8]
    private let fields: HeaderFields
    private let body: Body
    private let trailers: HeaderFields?
    private let detail: Int

    init(_ startLine: [UInt8], _ fields: HeaderFields, _ body: Body, _ trailers: HeaderFields?, _ detail: Int) {
        self.startLine = startLine
        self.fields = fields
        self.body = body
        self.trailers = trailers
        self.detail = detail
    }

    func write(into text: inout [UInt8]) {
        text.append(indented: startLine)
        write(fields, into: &text)
        if detail > 2, body.size > 0 {
            text.append("\n")
            writeBody(into: &text)
        }
        if let trailers, !trailers.isEmpty {
            text.append("\n")
            write(trailers, into: &text)
        }
        text.append("\n")
    }

    private func write(_ fields: HeaderFields, into text: inout [UInt8]) {
        for index in 0..<fields.count {
            text.append(indented: fields.name(at: index) + [0x3A, 0x20] + fields.value(at: index))
        }
    }

    private func writeBody(into text: inout [UInt8]) {
        guard let bytes = body.plain ?? body.bytes else {
            return text.append(indented: "(\(body.size) bytes, streamed)")
        }
        var content = PrintedContent(bytes, isShortened: detail < 4)
        content.size = body.plain == nil ? body.size : bytes.readableBytes
        if body.plain == nil, fields.contains("content-encoding") {
            guard body.isComplete, let codings = try? ContentCodings(of: fields),
                let plain = try? codings.decode(bytes, limit: Limits.filteredBodyBytes)
            else { return text.append(indented: "(\(body.size) bytes, encoded)") }
            content = PrintedContent(plain, isShortened: detail < 4)
        }
        content.write(into: &text)
    }
}

/// The available content of a message, shown as text or bytes.
struct PrintedContent {
    private let bytes: ByteBuffer
    private let isShortened: Bool
    /// The size of the whole content, in bytes.
    var size: Int

    init(_ bytes: ByteBuffer, isShortened: Bool) {
        self.bytes = bytes
        self.isShortened = isShortened
        size = bytes.readableBytes
    }

    func write(into text: inout [UInt8]) {
        let shown = Array(bytes.readableBytesView.prefix(isShortened ? Limits.printedBodyBytes : .max))
        let isCut = shown.count < size
        guard let lines = Self.lines(shown, isCut: isCut) else {
            guard !isShortened else { return text.append(indented: "(\(size) bytes, not text)") }
            return writeDump(of: shown, into: &text)
        }
        for line in lines {
            text.append(indented: line.last == UInt8(ascii: "\r") ? line.dropLast() : line)
        }
        if isCut { text.append(indented: "… \(size - shown.count) bytes more") }
    }

    /// Nil when the content is not text. Where it is cut, the last character may be incomplete.
    private static func lines(_ bytes: [UInt8], isCut: Bool) -> [ArraySlice<UInt8>]? {
        guard !bytes.contains(0) else { return nil }
        let ends = (max(0, bytes.count - (isCut ? 3 : 0))...bytes.count).reversed()
        guard let end = ends.first(where: { ByteBuffer(bytes: bytes[..<$0]).isUTF8 }) else { return nil }
        let lines = bytes[..<end].split(separator: UInt8(ascii: "\n"), omittingEmptySubsequences: false)
        return lines.last?.isEmpty ?? false ? lines.dropLast() : lines
    }

    private func writeDump(of bytes: [UInt8], into text: inout [UInt8]) {
        for start in stride(from: 0, to: bytes.count, by: 16) {
            let row = bytes[start..<min(start + 16, bytes.count)]
            let hex = row.map { ($0 < 16 ? "0" : "") + String($0, radix: 16) }.joined(separator: " ")
            let shown = row.map { (0x20..<0x7F).contains($0) ? Character(Unicode.Scalar($0)) : "." }
            let offset = String(start, radix: 16)
            let zeros = String(repeating: "0", count: max(0, 8 - offset.count))
            let gap = String(repeating: " ", count: 49 - hex.count)
            text.append(indented: "\(zeros)\(offset)  \(hex)\(gap)\(String(shown))")
        }
        if bytes.count < size { text.append(indented: "… \(size - bytes.count) bytes more") }
    }
}
