import AddonProtocol
import Glibc

/// Reads a recording line by line.
final class RecordingReader {
    /// The longest line, in bytes: the largest frame, with room for what surrounds it.
    static let longestLine = 2 * FrameDecoder.defaultMaximumFrameBytes
    private static let deepest = 128
    private static let readBytes = 1 << 20

    private let name: String
    private var rest: [UInt8] = []
    private var lineNumber = 1
    private var head: JSONValue?
    private(set) var frames: [Recording.Frame] = []
    /// The number of frames that the recorder missed.
    private(set) var missed = 0
    /// The number of frames that are not valid messages: an addon sent them, and no daemon can read them.
    private(set) var unreadable = 0

    init(name: String) {
        self.name = name
    }

    /// Reads the named file.
    func read() throws(ToolFailure) {
        // Without O_NONBLOCK, opening a pipe waits for a writer.
        let descriptor = open(name, O_RDONLY | O_CLOEXEC | O_NONBLOCK)
        guard descriptor >= 0 else { throw .usage("cannot read \(name)", errno: errno) }
        defer { close(descriptor) }
        _ = fcntl(descriptor, F_SETFL, 0)
        var chunk = [UInt8](repeating: 0, count: Self.readBytes)
        while true {
            let count = Glibc.read(descriptor, &chunk, chunk.count)
            if count == 0 { return }
            if count > 0 {
                try append(chunk[..<count])
            } else if errno != EINTR {
                throw .usage("cannot read \(name)", errno: errno)
            }
        }
    }

    func append(_ bytes: ArraySlice<UInt8>) throws(ToolFailure) {
        let lines = bytes.split(separator: UInt8(ascii: "\n"), omittingEmptySubsequences: false)
        for line in lines.dropLast() {
            try take(rest + line)
            rest = []
            lineNumber += 1
        }
        rest += lines.last ?? []
        guard rest.count <= Self.longestLine else { throw fault("is longer than \(Self.longestLine) bytes") }
    }

    /// - Returns: the first line of the file.
    func finish() throws(ToolFailure) -> JSONValue {
        try take(rest)
        guard let head else { throw .usage("\(name): is empty; `proxyd record` writes recordings") }
        return head
    }

    // MARK: Lines

    private func take(_ line: [UInt8]) throws(ToolFailure) {
        guard !line.isEmpty else { return }
        let json: JSONValue
        do throws(JSONError) {
            json = try JSONReader.read(line, maximumDepth: Self.deepest)
        } catch {
            throw fault("not JSON: \(error)")
        }
        guard head != nil else {
            guard json["recording"]?.intValue == Recording.version else {
                throw fault("the first line must be an object with \"recording\": \(Recording.version)")
            }
            head = json
            return
        }
        if let count = json["missed"]?.intValue, count >= 0 {
            let (sum, isTooMuch) = missed.addingReportingOverflow(count)
            missed = isTooMuch ? .max : sum
        } else {
            try takeFrame(json)
        }
    }

    private func takeFrame(_ json: JSONValue) throws(ToolFailure) {
        guard let time = json["time"]?.doubleValue, let addon = json["addon"]?.stringValue,
            let direction = json["direction"]?.stringValue, ["daemon", "addon"].contains(direction),
            let message = json["message"]
        else { throw fault("a frame has time, addon, direction (daemon or addon) and message") }
        for message in Self.messages(message) {
            if let message {
                let isFromDaemon = direction == "daemon"
                frames.append(.init(time: time, addon: addon, isFromDaemon: isFromDaemon, message: message))
            } else {
                unreadable += 1
            }
        }
    }

    /// The message, or the messages of a batch; nil for each that is invalid.
    private static func messages(_ json: JSONValue) -> [Message?] {
        guard json.members != nil || json.arrayValue != nil,
            let frame = try? IncomingFrame.decode(json.encoded(), maximumDepth: deepest)
        else { return [nil] }
        return switch frame {
        case .single(let message): [message]
        case .batch(let elements): elements.map { try? $0.get() }
        }
    }

    private func fault(_ what: String) -> ToolFailure { .usage("\(name):\(lineNumber): \(what)") }
}
