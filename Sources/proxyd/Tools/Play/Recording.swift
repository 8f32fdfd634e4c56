import AddonProtocol

/// A session as `proxyd record` writes it: JSON lines, the first of which describes the daemon and its addons.
struct Recording {
    struct Frame {
        let time: Double
        let addon: String
        /// Whether the daemon sent the frame.
        let isFromDaemon: Bool
        let message: Message
    }

    static let version = 1

    /// {`recording`, `time`, `server`, `options`, `addons`}.
    let head: JSONValue
    let frames: [Frame]
    /// What the recording lacks, in words.
    let lacks: [String]

    /// Reads a file; a pipe without a writer is empty.
    init(path: String) throws(ToolFailure) {
        let reader = RecordingReader(name: path)
        try reader.read()
        try self.init(reader)
    }

    init(_ bytes: [UInt8], name: String) throws(ToolFailure) {
        let reader = RecordingReader(name: name)
        try reader.append(bytes[...])
        try self.init(reader)
    }

    private init(_ reader: RecordingReader) throws(ToolFailure) {
        head = try reader.finish()
        frames = reader.frames
        var lacks: [String] = []
        if reader.missed > 0 {
            lacks.append("the recorder has missed \(Words.count(reader.missed, "frame", "frames")): replies may differ")
        }
        if reader.unreadable > 0 {
            lacks.append("\(Words.count(reader.unreadable, "frame is", "frames are")) no JSON-RPC, and not played")
        }
        self.lacks = lacks
    }

    /// The names of the addons in it, in the order of their first frames.
    var addons: [String] {
        var seen: Set<String> = []
        return frames.map(\.addon).filter { seen.insert($0).inserted }
    }
}
