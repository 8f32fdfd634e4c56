import AddonProtocol

/// Splits a flow file as its bytes arrive: a HAR into its entries, a recording into its lines. It buffers at most one piece.
struct FlowFilePieces {
    /// The format must be clear within this many bytes.
    private static let longestStart = 1 << 20

    private enum Form {
        /// Not known yet, with the bytes so far.
        case unknown([UInt8])
        case har(HAREntryScanner)
        case lines(LineSplitter)
    }

    private var form = Form.unknown([])

    /// Takes the next bytes.
    ///
    /// - Returns: the pieces that end in them.
    mutating func append(_ bytes: [UInt8]) throws(FlowFileError) -> [FlowFilePiece] {
        switch form {
        case .unknown(let start):
            let start = start + bytes
            guard let form = try Self.form(of: start, isWhole: false) else {
                self.form = .unknown(start)
                return []
            }
            self.form = form
            return try append(start)
        case .har(var scanner):
            form = .unknown([])
            defer { form = .har(scanner) }
            return try scanner.append(bytes)
        case .lines(var splitter):
            form = .unknown([])
            defer { form = .lines(splitter) }
            return try splitter.append(bytes)
        }
    }

    /// Ends the file.
    ///
    /// - Returns: the pieces that were still incomplete.
    mutating func finish() throws(FlowFileError) -> [FlowFilePiece] {
        switch form {
        case .unknown(let start):
            guard let form = try Self.form(of: start, isWhole: true) else {
                throw FlowFileError("is empty; a HAR, or a recording of `proxyd record`, has flows")
            }
            self.form = form
            let pieces = try append(start)
            return try pieces + finish()
        case .har(let scanner):
            try scanner.finish()
            return []
        case .lines(var splitter): return splitter.finish()
        }
    }

    /// - Returns: nil when the start does not decide it yet.
    private static func form(of start: [UInt8], isWhole: Bool) throws(FlowFileError) -> Form? {
        let text = start.drop { JSONBytes.isSpace($0) || [0xEF, 0xBB, 0xBF].contains($0) }
        guard let first = text.first else {
            guard start.count <= longestStart else {
                throw FlowFileError("begins with more than \(longestStart) bytes of white space")
            }
            return nil
        }
        // A byte order mark, or a zero byte beside the first character.
        guard ![0xFF, 0xFE, 0].contains(first), !text.prefix(2).contains(0) else {
            throw FlowFileError("is in UTF-16 or UTF-32; a HAR, and lines of JSON, are in UTF-8")
        }
        guard first == UInt8(ascii: "{") else {
            throw FlowFileError("is neither a HAR nor lines of JSON, as `proxyd record` writes them")
        }
        let inside = text.dropFirst().drop(while: JSONBytes.isSpace)
        if inside.starts(with: #""log""#.utf8) { return .har(HAREntryScanner()) }
        let line = text.prefix { $0 != UInt8(ascii: "\n") }
        guard line.count < text.count || isWhole || start.count > longestStart else { return nil }
        guard let json = try? JSONReader.read(Array(line), maximumDepth: 128) else {
            // A HAR on several lines begins with a part of its object; after a broken line another object begins.
            let next = text[line.endIndex...].first { ![0x0A, 0x0D].contains($0) }
            guard next != nil || isWhole || start.count > longestStart else { return nil }
            let isBroken = next == UInt8(ascii: "{") && !line.contains(Array(#""log""#.utf8))
            return isBroken || line.count > longestStart ? .lines(LineSplitter()) : .har(HAREntryScanner())
        }
        return json["log"]?["entries"] == nil ? .lines(LineSplitter()) : .har(HAREntryScanner())
    }
}

/// The structural characters of JSON (RFC 8259, section 2).
enum JSONBytes {
    static func isSpace(_ byte: UInt8) -> Bool { [0x20, 0x09, 0x0A, 0x0D].contains(byte) }
}

/// Splits a file into its lines.
struct LineSplitter {
    private var rest: [UInt8] = []
    /// Where the rest begins in the file.
    private var offset = 0
    private var number = 1
    private var index = 0

    mutating func append(_ bytes: [UInt8]) throws(FlowFileError) -> [FlowFilePiece] {
        var pieces: [FlowFilePiece] = []
        let lines = bytes.split(separator: UInt8(ascii: "\n"), omittingEmptySubsequences: false)
        for line in lines.dropLast() {
            rest += line
            pieces += take()
            offset += rest.count + 1
            number += 1
            rest = []
        }
        rest += lines.last ?? []
        guard rest.count <= FlowFilePiece.longest else {
            throw FlowFileError("line \(number): is longer than \(FlowFilePiece.longest) bytes")
        }
        return pieces
    }

    mutating func finish() -> [FlowFilePiece] { take() }

    private mutating func take() -> [FlowFilePiece] {
        guard !rest.allSatisfy(JSONBytes.isSpace) else { return [] }
        defer { index += 1 }
        return [FlowFilePiece(kind: .line, index: index, number: number, offset: offset, bytes: rest)]
    }
}
