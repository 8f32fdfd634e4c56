import AddonProtocol
import AddonSDK
import Synchronization

/// Writes what a tap shows as JSON lines, which `Recording` reads.
final class FrameRecorder: Sendable {
    private struct Counts {
        var frames = 0
        var missed = 0
        var received = 0
        var addons: Set<String> = []
    }

    private let output: OutputLines
    private let hidesOnlookers: Bool
    private let counts = Mutex(Counts())

    /// - Parameter hidesOnlookers: whether to leave out the frames of the tools and the inspector.
    init(_ output: OutputLines, hidesOnlookers: Bool) {
        self.output = output
        self.hidesOnlookers = hidesOnlookers
    }

    /// Writes the first line, which records what a tap does not show: the options, and the addons with their events.
    ///
    /// - Returns: the names of the addons.
    func begin(_ daemon: Daemon, time: Double) async throws -> [String] {
        let addons = try await daemon.call(.addonList)["addons"]?.arrayValue ?? []
        let head: JSONValue = [
            "recording": .integer(Recording.version), "time": .number(time),
            "server": daemon.welcome["server"] ?? .null,
            "options": try await daemon.call(.optionsGet)["options"] ?? [:],
            "addons": .array(addons),
        ]
        output.write(head.encoded() + [UInt8(ascii: "\n")])
        return addons.compactMap { $0["name"]?.stringValue }
    }

    /// Receives a message from the daemon.
    func receive(_ call: IncomingCall) {
        counts.withLock { $0.received += 1 }
        switch call.method {
        case "tap":
            let frame = call.params.value
            let name = frame["addon"]?.stringValue ?? ""
            if hidesOnlookers, ToolOptions.isOnlooker(name) { return }
            counts.withLock {
                $0.frames += 1
                $0.addons.insert(name)
            }
            output.write(frame.encoded() + [UInt8(ascii: "\n")])
        case "dropped":
            let count = call.params["count"]?.value.intValue ?? 0
            counts.withLock { $0.missed += count }
            let line: JSONValue = ["missed": .integer(count)]
            output.write(line.encoded() + [UInt8(ascii: "\n")])
        default: break
        }
    }

    /// The number of messages received.
    var received: Int { counts.withLock(\.received) }

    /// The summary for programs.
    var counted: JSONValue {
        counts.withLock { counts in
            let addons = counts.addons.sorted().map { JSONValue.string($0) }
            return [
                "frames": .integer(counts.frames), "missed": .integer(counts.missed), "addons": .array(addons),
            ]
        }
    }

    /// The summary for people.
    var summary: String {
        let counts = counts.withLock { $0 }
        let names = counts.addons.sorted().joined(separator: ", ")
        let missed =
            counts.missed == 0 ? "none missed" : "\(counts.missed) MISSED: they came faster than they could be written"
        return Words.count(counts.frames, "frame", "frames") + (names.isEmpty ? "" : " of \(names)") + ", \(missed)"
    }
}
