/// A part of a file of flows that is JSON of its own: an entry of a HAR, or a line.
package struct FlowFilePiece: Sendable {
    package enum Kind: Sendable {
        case entry
        case line
    }

    /// The longest piece, in bytes: the largest frame, with room for what stands around it.
    static let longest = RecordingReader.longestLine

    package let kind: Kind
    /// Among the pieces, from 0.
    package let index: Int
    /// Of an entry: which it is, from 1; of a line: its number in the file, from 1.
    let number: Int
    /// In the file, in bytes.
    let offset: Int
    package let bytes: [UInt8]

    /// For people.
    var place: String { kind == .entry ? "entry \(number)" : "line \(number)" }
}

extension FlowFilePiece {
    /// Those of a file that is in memory.
    package static func all(in bytes: [UInt8]) throws(FlowFileError) -> [FlowFilePiece] {
        var pieces = FlowFilePieces()
        return try pieces.append(bytes) + pieces.finish()
    }
}
