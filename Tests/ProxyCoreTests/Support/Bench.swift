import AddonProtocol
import Foundation
import Glibc
import NIOCore
import NIOPosix
import ProxyTLS
import Testing

@testable import ProxyCodecs
@testable import ProxyCore

#if !SANITIZE_THREAD
import Synchronization
#endif

/// The parts of a daemon on one loop, without listeners and processes, together with a test's scripted addons, clients and
/// servers.
///
/// A story runs on the loop, like the product's straight-line code, so it sees everything that happens between two waits.
final class Bench: @unchecked Sendable {
    let loop: FlowLoop
    let services: Services
    let host: AddonHost
    let calls: AddonCalls
    let group: MultiThreadedEventLoopGroup
    private let notes = LogNotes()
    private var wires: [Wire] = []
    private var addons: [ScriptedAddon] = []
    private var endings: [() -> Void] = []
    private var clock: (Wire, Wire)?

    /// How long a story may wait for something that does not happen.
    private static let patience = TimeAmount.seconds(60)

    private init(_ group: MultiThreadedEventLoopGroup, _ options: Options) throws {
        self.group = group
        let log = Log(verbosity: .error, writer: Self.nowhere)
        log.setSink(atLeast: .debug) { [notes] in notes.append($0) }
        let foundation = DaemonParts.Foundation(
            group: group,
            log: log,
            writer: Self.nowhere,
            authority: Self.authority,
            keyLog: nil
        )
        let parts = try DaemonParts(options, on: foundation) {}
        (services, host, calls, loop) = (parts.services, parts.host, parts.calls, parts.loops[0])
    }

    private static let nowhere: OutputWriter = {
        let file = open("/dev/null", O_WRONLY)
        guard let writer = try? OutputWriter(stdout: file, stderr: file) else { fatalError("no pipe for a writer") }
        return writer
    }()

    /// The folder with the certificate of the authority of all stories.
    static let authorityFolder = NSTemporaryDirectory() + "proxyd-bench-\(getpid())"

    static let authority: CertificateAuthority = {
        atexit { try? FileManager.default.removeItem(atPath: Bench.authorityFolder) }
        do {
            return try CertificateAuthority.loadOrCreate(in: authorityFolder)
        } catch {
            fatalError("no authority: \(error)")
        }
    }()

    // MARK: A story

    /// Runs a story. It fails when it waits for something that does not happen, and when an addon received more than it consumed.
    static func run(
        _ options: Options = Options(),
        _ story: @escaping @Sendable (Bench) async throws -> Void
    ) async throws {
        let group = MultiThreadedEventLoopGroup(numberOfThreads: 1)
        let bench = try Bench(group, options)
        let result = await Task(executorPreference: bench.loop.executor) { await bench.result(of: story) }.value
        try await group.shutdownGracefully()
        // The loop may have worked with it until the end.
        withExtendedLifetime(bench) {}
        try result.get()
    }

    private func result(of story: (Bench) async throws -> Void) async -> Result<Void, any Error> {
        let deadline = loop.eventLoop.scheduleTask(in: Self.patience) { self.giveUp() }
        let result: Result<Void, any Error>
        do {
            try await story(self)
            for addon in addons { try await addon.hasNothingMore() }
            result = .success(())
        } catch {
            result = .failure(error)
        }
        deadline.cancel()
        end()
        return result
    }

    private func giveUp() {
        Issue.record("the story waits for what does not come; the log so far:\n\(log.joined(separator: "\n"))")
        end()
    }

    private func end() {
        for client in loop.clients.all { client.cut() }
        for wire in wires { wire.close() }
        for ending in endings { ending() }
    }

    /// Runs `body` beside the story, starting at the story's next wait.
    func beside<Value: Sendable>(_ body: @escaping @Sendable () async -> Value) -> Task<Value, Never> {
        Task(executorPreference: loop.executor, operation: body)
    }

    /// Lets the loop poll its sockets, so that what has been sent is read, and run what is due.
    func nextTurn() async throws {
        if clock == nil {
            let (one, other) = try await pair()
            clock = (Wire(one), other)
        }
        // In its first round, the loop may handle other events after this one.
        for _ in 0..<2 {
            clock?.0.send("x")
            _ = try await clock?.1.read(1)
        }
    }

    /// The log so far, without times: level, source and message.
    var log: [String] { notes.all.map { "\($0.level.rawValue) \($0.source): \($0.msg)" } }

    func logged(_ part: String) -> Bool { log.contains { $0.contains(part) } }

    // MARK: Neighbours

    /// An in-memory connection: our end as the daemon would have it, and the test's.
    func pair() async throws -> (ours: ByteStream, theirs: Wire) {
        let ends = try socketPair()
        return (try await stream(ends.0), keep(Wire(try await stream(ends.1))))
    }

    /// The same, with a channel that has no handler yet.
    func channelPair() async throws -> (ours: any Channel, theirs: Wire) {
        let ends = try socketPair()
        let ours = try await ClientBootstrap(group: loop.eventLoop).withConnectedSocket(ends.0).get()
        return (ours, keep(Wire(try await stream(ends.1))))
    }

    private func socketPair() throws -> (Int32, Int32) {
        var ends: [Int32] = [-1, -1]
        guard socketpair(AF_UNIX, Int32(SOCK_STREAM.rawValue), 0, &ends) == 0 else {
            throw IOError(errnoCode: errno, reason: "socketpair")
        }
        return (ends[0], ends[1])
    }

    private func stream(_ socket: Int32) async throws -> ByteStream {
        let bootstrap = ClientBootstrap(group: loop.eventLoop)
            .channelOption(.autoRead, value: false)
            .channelOption(.allowRemoteHalfClosure, value: true)
            .channelOption(.writeBufferWaterMark, value: Limits.writeBuffer)
            .channelInitializer { channel in
                channel.eventLoop.makeCompletedFuture {
                    try ByteStream.open(on: channel)
                }
            }
        let channel = try await bootstrap.withConnectedSocket(socket).get()
        return try channel.stream
    }

    /// Closes the wire at the end of the story.
    func keep(_ wire: Wire) -> Wire {
        wires.append(wire)
        return wire
    }

    func keep(_ addon: ScriptedAddon) { addons.append(addon) }

    /// Does this at the end of the story.
    func atEnd(_ body: @escaping () -> Void) { endings.append(body) }
}

extension Options {
    /// The default options, with the changes that `change` makes.
    static func with(_ change: (inout Options) -> Void) -> Options {
        var options = Options()
        change(&options)
        return options
    }
}

/// Log entries, from any thread.
private final class LogNotes: Sendable {
    private let entries = Mutex<[LogEntry]>([])

    var all: [LogEntry] { entries.withLock { $0 } }

    func append(_ entry: LogEntry) { entries.withLock { $0.append(entry) } }
}
