/// Finds the entries of a HAR, the elements of `log.entries`, without parsing them. It keeps nothing else of the file.
struct HAREntryScanner {
    private enum Part {
        case before
        case entries
        case after
    }

    private var part = Part.before
    private var depth = 0
    /// Whether the HAR's object has been read to its end.
    private var isClosed = false
    private var isInString = false
    private var isEscaped = false
    /// The last string, as much of it as is needed to recognise a name.
    private var string: [UInt8] = []
    /// The names of the current members, in the outermost object and in the object inside it.
    private var names: [[UInt8]] = [[], []]
    private var element: [UInt8] = []
    /// Where the current element begins in the file; nil: no element has begun.
    private var elementOffset: Int?
    private var offset = 0
    private(set) var count = 0

    mutating func append(_ bytes: [UInt8]) throws(FlowFileError) -> [FlowFilePiece] {
        var pieces: [FlowFilePiece] = []
        // Where the bytes begin that are not in `element` yet.
        var start = 0
        for (index, byte) in bytes.enumerated() {
            if isInString {
                takeInString(byte)
                continue
            }
            if part == .entries, depth == 3 {
                if elementOffset == nil {
                    if JSONBytes.isSpace(byte) { continue }
                    (elementOffset, start) = (offset + index, index)
                }
                if byte == UInt8(ascii: ",") || byte == UInt8(ascii: "]") {
                    element += bytes[start..<index]
                    pieces += end(isLast: byte == UInt8(ascii: "]"))
                }
            }
            try take(byte)
        }
        if elementOffset != nil { element += bytes[start...] }
        offset += bytes.count
        guard element.count <= FlowFilePiece.longest else {
            throw FlowFileError("entry \(count + 1): is longer than \(FlowFilePiece.longest) bytes")
        }
        return pieces
    }

    func finish() throws(FlowFileError) {
        guard depth == 0 else {
            throw FlowFileError("is cut off: it ends after entry \(count), inside the HAR")
        }
        guard part == .after else { throw FlowFileError("log.entries: found none; a HAR has them") }
    }

    private mutating func takeInString(_ byte: UInt8) {
        if isEscaped {
            isEscaped = false
        } else if byte == UInt8(ascii: "\\") {
            isEscaped = true
        } else if byte == UInt8(ascii: "\"") {
            isInString = false
        } else if part != .entries, string.count < 16 {
            string.append(byte)
        }
    }

    private mutating func take(_ byte: UInt8) throws(FlowFileError) {
        switch byte {
        case _ where isClosed && #""{["#.utf8.contains(byte):
            throw FlowFileError("is not a HAR: something follows its object, after entry \(count); a file has one HAR")
        case UInt8(ascii: "\""):
            (isInString, string) = (true, [])
        case UInt8(ascii: ":") where (1...2).contains(depth): names[depth - 1] = string
        case UInt8(ascii: "{"), UInt8(ascii: "["):
            if byte == UInt8(ascii: "["), depth == 2, part == .before, isAtEntries { part = .entries }
            depth += 1
        case UInt8(ascii: "}"), UInt8(ascii: "]"):
            depth -= 1
            if depth < 0 {
                throw FlowFileError("is not JSON: something is closed that was not opened, after entry \(count)")
            }
            if part == .entries, depth < 3 { part = .after }
            isClosed = depth == 0
        default:
            if depth == 0, !JSONBytes.isSpace(byte), ![0xEF, 0xBB, 0xBF].contains(byte) {
                throw FlowFileError("is not a HAR: there is text outside of its object")
            }
        }
    }

    private var isAtEntries: Bool { names[0].elementsEqual("log".utf8) && names[1].elementsEqual("entries".utf8) }

    /// Ends the element; an empty list has none.
    private mutating func end(isLast: Bool) -> [FlowFilePiece] {
        defer { (element, elementOffset) = ([], nil) }
        guard let elementOffset, !(isLast && element.isEmpty && count == 0) else { return [] }
        defer { count += 1 }
        return [FlowFilePiece(kind: .entry, index: count, number: count + 1, offset: elementOffset, bytes: element)]
    }
}
