import AddonProtocol
import Glibc

/// The flows of a file: a HAR, or JSON lines of `proxyd record` or of the inspector.
///
/// It keeps the position of each flow in the file, and a note; the flow itself is read on demand.
final class RecordedFlows<Note: Sendable>: Sendable {
    struct Entry: Sendable {
        fileprivate var kind: FlowFilePiece.Kind
        fileprivate var index: Int
        fileprivate var number: Int
        fileprivate var range: Range<Int>
        /// Where a recording has the request's body, which the flow's last event lacks.
        fileprivate var request: Range<Int>?
        fileprivate var wholeness: Int
        var note: Note

        /// The position in the file, for people.
        var place: String { kind == .entry ? "entry \(number)" : "line \(number)" }
    }

    let path: String
    let stamp: FileStamp
    let entries: [Entry]
    private let file: ReadableFile

    /// Reads the whole file once.
    ///
    /// - Parameter note: what to remember of a flow; nil: the flow is left out.
    /// - Throws: `FlowFileError` that names the path, and the entry or line.
    init(path: String, note: (_ flow: JSONValue, _ place: String) throws(FlowFileError) -> Note?) throws(FlowFileError)
    {
        let file = try ReadableFile(path)
        var index = RecordedFlowsIndex<Note>(file)
        do throws(FlowFileError) {
            try file.pieces { piece throws(FlowFileError) in try index.take(piece, note) }
        } catch {
            throw FlowFileError("\(path): \(error)")
        }
        (self.path, self.file, stamp, entries) = (path, file, file.stamp, index.entries)
    }

    /// Whether the open file is unchanged since it was read. A file that replaced it at its path does not count.
    var isIntact: Bool { file.isIntact }

    /// - Throws: when the file has changed.
    func flow(_ entry: Entry) throws(FlowFileError) -> JSONValue {
        let bytes = try file.read(entry.range)
        let piece = FlowFilePiece(
            kind: entry.kind,
            index: entry.index,
            number: entry.number,
            offset: entry.range.lowerBound,
            bytes: bytes
        )
        guard case .ended(let flow, _) = FlowFileItem(piece) else {
            throw FlowFileError("\(path): \(entry.place): has changed since it was read")
        }
        return try entry.request.map { range throws(FlowFileError) in try file.flow(flow, withRequestAt: range) }
            ?? flow
    }
}

/// Gathers the entries of a file. A recording may contain a flow more than once, as several addons saw it. The most complete
/// one counts, and of equally complete ones the last.
private struct RecordedFlowsIndex<Note: Sendable> {
    private(set) var entries: [RecordedFlows<Note>.Entry] = []
    private let file: ReadableFile
    /// The indices of flows by id, and the positions of requests that have a frame of their own.
    private var known: [String: Int] = [:]
    private var requests: [String: Range<Int>] = [:]

    init(_ file: ReadableFile) { self.file = file }

    mutating func take(
        _ piece: FlowFilePiece,
        _ note: (JSONValue, String) throws(FlowFileError) -> Note?
    ) throws(FlowFileError) {
        let range = piece.offset..<piece.offset + piece.bytes.count
        switch FlowFileItem(piece) {
        case .ended(let flow, _): try take(flow, piece, range, note)
        case .begun(let flow):
            if RecordedMessage.isWhole(flow["request"]), let id = flow["id"]?.stringValue { requests[id] = range }
        case .other: break
        case .fault(let reason): throw FlowFileError("\(piece.place): \(reason)")
        }
    }

    private mutating func take(
        _ flow: JSONValue,
        _ piece: FlowFilePiece,
        _ range: Range<Int>,
        _ note: (JSONValue, String) throws(FlowFileError) -> Note?
    ) throws(FlowFileError) {
        var flow = flow
        let id = piece.kind == .line ? flow["id"]?.stringValue : nil
        let request = RecordedMessage.isWhole(flow["request"]) ? nil : id.flatMap { requests[$0] }
        if let request { flow = try file.flow(flow, withRequestAt: request) }
        let wholeness = [flow["request"], flow["response"]].count { RecordedMessage.isWhole($0) }
        let former = id.flatMap { known[$0] }
        if let former, entries[former].wholeness > wholeness { return }
        guard let note = try note(flow, piece.place) else { return }
        let entry = RecordedFlows<Note>.Entry(
            kind: piece.kind,
            index: piece.index,
            number: piece.number,
            range: range,
            request: request,
            wholeness: wholeness,
            note: note
        )
        if let former {
            entries[former] = entry
            return
        }
        if let id { known[id] = entries.count }
        entries.append(entry)
    }
}

/// A request or a response in a flow file.
enum RecordedMessage {
    /// Larger bodies are not decoded.
    static let maximumDecodedBytes = 64 << 20

    /// Whether the message has its whole body.
    static func isWhole(_ message: JSONValue?) -> Bool {
        guard let message, message.members != nil else { return false }
        return message["content"]?.bytesValue != nil && message["content_complete"] != false
    }
}

extension ReadableFile {
    /// The flow, with the request from another frame.
    fileprivate func flow(_ flow: JSONValue, withRequestAt range: Range<Int>) throws(FlowFileError) -> JSONValue {
        let bytes = try read(range)
        let piece = FlowFilePiece(kind: .line, index: 0, number: 0, offset: range.lowerBound, bytes: bytes)
        guard case .begun(let begun) = FlowFileItem(piece), let request = begun["request"] else { return flow }
        return flow.setting("request", request)
    }
}
