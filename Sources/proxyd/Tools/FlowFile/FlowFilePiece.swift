/// A part of a flow file that is a JSON value of its own: an entry of a HAR, or a line.
package struct FlowFilePiece: Sendable {
    /// What the piece is in its file.
    package enum Kind: Sendable {
        case entry
        case line
    }

    /// The longest piece, in bytes: the largest frame, with room for what surrounds it.
    static let longest = RecordingReader.longestLine

    /// What the piece is in its file.
    package let kind: Kind
    /// The index among the pieces of the file, from 0.
    package let index: Int
    /// The number of the entry, or of the line, in the file, from 1.
    let number: Int
    /// Where the piece begins in the file, in bytes.
    let offset: Int
    /// The JSON of the piece.
    package let bytes: [UInt8]

    /// Where the piece is, for people.
    var place: String { kind == .entry ? "entry \(number)" : "line \(number)" }
}

extension FlowFilePiece {
    /// The pieces of a file that is in memory.
    package static func all(in bytes: [UInt8]) throws(FlowFileError) -> [FlowFilePiece] {
        var pieces = FlowFilePieces()
        return try pieces.append(bytes) + pieces.finish()
    }
}
