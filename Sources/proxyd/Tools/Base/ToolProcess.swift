import AddonProtocol
import AddonSDK
import Glibc
import ProxyRules
import Synchronization

/// Runs a tool in this process, and ends the process.
package enum ToolProcess {
    private static let endSignals = [SIGINT, SIGTERM, SIGHUP]
    private static let hasChild = Atomic(false)
    private static let daemon = Mutex<Daemon?>(nil)

    private static var held: sigset_t {
        var signals = sigset_t()
        sigemptyset(&signals)
        for number in endSignals { sigaddset(&signals, number) }
        return signals
    }

    /// Blocks the signals that end the process, so that `run` can wait for them. Threads inherit the mask, so call this first.
    package static func holdSignals() {
        var signals = held
        pthread_sigmask(SIG_BLOCK, &signals, nil)
    }

    /// Runs the work on other threads while this one waits for signals. The first signal ends the process at once.
    ///
    /// - Parameters:
    ///   - isWatching: whether Ctrl-C is the usual way to end the tool.
    ///   - finishes: whether the first signal cancels the work's task, which then ends in its own time; a second ends the process.
    ///   - beforeEnd: runs before the process ends, however it ends; another signal cuts it short.
    package static func run(
        isWatching: Bool = false,
        finishes: Bool = false,
        beforeEnd: (@Sendable () async -> Void)? = nil,
        _ work: @escaping @Sendable () async throws -> Void
    ) -> Never {
        holdSignals()
        let lastWork = beforeEnd.map(LastWork.init)
        let task = Task {
            do {
                try await work()
                await leave()
                await lastWork?.run()
                end(0)
            } catch {
                await leave()
                await lastWork?.run()
                fail(error)
            }
        }
        if finishes {
            _ = nextSignal()
            task.cancel()
        }
        let number = nextSignal()
        let code = isWatching && number == SIGINT ? 0 : 128 + number
        guard let lastWork else { end(code) }
        Task {
            await lastWork.run()
            end(code)
        }
        end(128 + nextSignal())
    }

    /// Waits for a signal that is not meant for a child process.
    private static func nextSignal() -> Int32 {
        var (signals, number) = (held, Int32(0))
        repeat {
            while sigwait(&signals, &number) != 0 {}
        } while number == SIGINT && hasChild.load(ordering: .relaxed)
        return number
    }

    /// Ends the process at once, and removes its `TemporaryFiles`.
    package static func end(_ code: Int32) -> Never {
        TemporaryFiles.removeAll()
        _exit(code)
    }

    /// Makes a folder that only this user may enter. It is removed when the process ends, if it is empty then.
    package static func temporaryFolder() throws -> String {
        let folder = try TemporaryFiles.makeFolder()
        TemporaryFiles.add(folder)
        return folder
    }

    /// Names the daemon to tell when the work is over.
    static func connected(to daemon: Daemon) { Self.daemon.withLock { $0 = daemon } }

    /// Tells the daemon that the tool ends of its own accord, perhaps before the daemon has completed the handshake.
    private static func leave() async { await daemon.withLock { $0 }?.leave() }

    /// Leaves Ctrl-C to a program that the work waits for, such as an editor.
    static func withChild<Value>(_ work: () throws -> Value) rethrows -> Value {
        hasChild.store(true, ordering: .relaxed)
        defer { hasChild.store(false, ordering: .relaxed) }
        return try work()
    }

    /// Prints one line on stderr, and exits with the code that belongs to the error.
    package static func fail(_ error: any Error) -> Never {
        let failure = ToolFailure(error)
        Output.write("proxyd: \(escapedForTerminal(failure.message))\n", to: STDERR_FILENO)
        end(failure.code)
    }
}

/// Work done once before the process ends, even when a signal arrives while it ends by itself.
private final class LastWork: Sendable {
    private let work: @Sendable () async -> Void
    private let task = Mutex<Task<Void, Never>?>(nil)

    init(_ work: @escaping @Sendable () async -> Void) { self.work = work }

    /// Returns when it is done.
    func run() async {
        let task = task.withLock { task in
            let running = task ?? Task { await work() }
            task = running
            return running
        }
        await task.value
    }
}

/// Why a tool did not do what it was asked to.
package struct ToolFailure: Error, Equatable {
    /// What is printed.
    package var message: String
    /// The exit code of the process.
    package var code: Int32

    /// There is no daemon, no answer, or nothing that matches.
    static func nothing(_ message: String) -> ToolFailure { ToolFailure(message: message, code: 1) }
    static func nothing(_ what: String, errno number: Int32) -> ToolFailure { nothing(said(what, number)) }

    /// The user's input is invalid.
    package static func usage(_ message: String) -> ToolFailure { ToolFailure(message: message, code: 2) }
    static func usage(_ what: String, errno number: Int32) -> ToolFailure { usage(said(what, number)) }

    private static func said(_ what: String, _ number: Int32) -> String {
        "\(what): \(String(cString: strerror(number)))"
    }
}

extension ToolFailure {
    init(_ error: any Error) {
        switch error {
        case let error as ToolFailure: self = error
        case let error as SocketError where error.kind == .noDaemon:
            self = .nothing("\(error); start one with proxyd run, or say where it listens with --socket PATH")
        case let error as ProtocolError: self.init(error)
        case let error as RuleError: self = .usage("\(error)")
        case DaemonError.connectionLost, DaemonError.notConnected:
            self = .nothing("the daemon has closed the connection")
        case DaemonError.tooLarge(let bytes, let limit):
            self = .nothing("this takes a message of \(bytes) bytes; the daemon accepts \(limit) (frame_size_limit)")
        case DaemonError.overLimit: self = .nothing("the daemon does not read what it is sent")
        default: self = .nothing("\(error)")
        }
    }

    private init(_ error: ProtocolError) {
        let isUsage = [ProtocolError.invalidParams, ProtocolError.methodNotFound].contains(error.code)
        self.init(message: error.message, code: isUsage ? 2 : 1)
    }
}
