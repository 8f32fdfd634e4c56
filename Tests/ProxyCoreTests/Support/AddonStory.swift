import Foundation
import Glibc
import Testing

@testable import ProxyCodecs
@testable import ProxyCore

#if !SANITIZE_THREAD
import Synchronization
#endif

/// What an addon did: its lines of output in order, and how it ended.
struct AddonStory {
    var lines: [String]
    var end: AddonProcess.ExitStatus

    /// The number that the first line ends with.
    var printedPID: pid_t? {
        lines.first?.split(separator: " ").last.flatMap { pid_t($0) }
    }

    /// Starts a shell command as an addon, calls `act` at each line it prints, and waits for its end.
    static func run(
        _ command: String,
        act: @escaping @Sendable (AddonProcess, String) -> Void = { _, _ in }
    ) async throws -> AddonStory {
        let log = Log(verbosity: .error, writer: try OutputWriter())
        let (entries, feed) = AsyncStream<LogEntry>.makeStream()
        let end = Mutex<AddonProcess.ExitStatus?>(nil)
        log.setSink(atLeast: .debug) { feed.yield($0) }
        let spec = AddonSpec(name: "a", command: command)
        let process = try AddonProcess(spec, socketPath: "/s.sock", log: log, program: try proxyd()) { status in
            end.withLock { $0 = status }
            log.flush()
            feed.finish()
        }
        var lines: [String] = []
        for await entry in entries {
            lines.append("\(entry.source) \(entry.level) \(entry.msg)")
            act(process, entry.msg)
        }
        return AddonStory(lines: lines, end: try #require(end.withLock { $0 }))
    }

    /// The program itself, which is built beside the tests.
    static func proxyd() throws -> String {
        let bundle = try #require(CommandLine.arguments.first { $0.hasSuffix(".xctest") })
        return URL(filePath: bundle).deletingLastPathComponent().appending(path: "proxyd").path
    }
}

/// Whether the process exists and is not a zombie.
func isAlive(_ pid: pid_t) -> Bool {
    guard let stat = try? String(contentsOfFile: "/proc/\(pid)/stat", encoding: .utf8) else { return false }
    return stat.split(separator: ") ").last?.hasPrefix("Z") == false
}
