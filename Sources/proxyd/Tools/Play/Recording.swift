import AddonProtocol
import Foundation

/// A session as `proxyd record` writes it: JSON lines, the first of which says of what daemon and which addons.
struct Recording {
    struct Frame {
        let time: Double
        let addon: String
        /// Whether the daemon sent it.
        let isFromDaemon: Bool
        let message: Message
    }

    /// {`recording`, `time`, `server`, `options`, `addons`}.
    let head: JSONValue
    let frames: [Frame]

    static let version = 1

    init(path: String) throws(ToolFailure) {
        guard let data = FileManager.default.contents(atPath: path) else {
            throw ToolFailure.usage("cannot read \(path)")
        }
        try self.init(Array(data), name: path)
    }

    init(_ bytes: [UInt8], name: String) throws(ToolFailure) {
        var head: JSONValue?
        var frames: [Frame] = []
        for (index, line) in bytes.split(separator: UInt8(ascii: "\n"), omittingEmptySubsequences: false).enumerated() {
            guard !line.isEmpty else { continue }
            guard let json = try? JSONReader.read(Array(line), maximumDepth: 128) else {
                throw ToolFailure.usage("\(name):\(index + 1): not JSON")
            }
            if head == nil {
                guard json["recording"]?.intValue == Self.version else {
                    throw ToolFailure.usage(
                        "\(name):\(index + 1): the first line must be an object with \"recording\": 1"
                    )
                }
                head = json
            } else if json["message"] != nil {
                if let frame = try Frame(json, at: "\(name):\(index + 1)") { frames.append(frame) }
            }
        }
        guard let head else { throw ToolFailure.usage("\(name): is empty; `proxyd record` writes recordings") }
        self.head = head
        self.frames = frames
    }

    /// The names of the addons in it, in the order in which they come.
    var addons: [String] {
        var names: [String] = []
        for frame in frames where !names.contains(frame.addon) { names.append(frame.addon) }
        return names
    }
}

extension Recording.Frame {
    /// nil for a frame that was no message.
    fileprivate init?(_ json: JSONValue, at place: String) throws(ToolFailure) {
        guard let time = json["time"]?.doubleValue, let addon = json["addon"]?.stringValue,
            let direction = json["direction"]?.stringValue, ["daemon", "addon"].contains(direction)
        else { throw ToolFailure.usage("\(place): a frame has time, addon, direction (daemon or addon) and message") }
        guard let message = json["message"], message.members != nil else { return nil }
        guard case .single(let read)? = try? IncomingFrame.decode(message.encoded(), maximumDepth: 128) else {
            return nil
        }
        self.init(time: time, addon: addon, isFromDaemon: direction == "daemon", message: read)
    }
}
