import AddonProtocol
import Dispatch
import Glibc
import ProxyCore
import Synchronization

/// An addon that a tool started, or that attached to the tool's socket.
final class AddonUnderTest {
    /// How long an addon that was started may take to connect, in seconds, as in the daemon.
    static let connectSeconds = 10
    /// How long it may take to exit after `done`, in seconds.
    static let endSeconds = 2

    /// How often to check whether the process has ended while no connection arrives.
    private static let lookMilliseconds: Int32 = 50

    let link: AddonLink
    /// The token that the addon must send in `initialize`; nil: the tool did not start it.
    let token: String?
    private let process: StartedProcess?

    /// Starts the command, or without one waits at the socket. A command of one word may be any shell text.
    convenience init(_ options: AddonOptions) throws(ToolFailure) {
        let command = options.command
        if let socket = options.socket {
            try self.init(attachingTo: socket)
        } else {
            let words = command.count == 1 ? command : command.map { "'" + $0.replacing("'", with: "'\\''") + "'" }
            try self.init(starting: words.joined(separator: " "))
        }
    }

    /// Runs `command` as the daemon would, and waits until the addon has connected.
    init(starting command: String) throws(ToolFailure) {
        let folder = try TemporaryFiles.makeFolder(in: "/tmp")
        TemporaryFiles.add(folder)
        let listener = try UnixListener(path: folder + "/addon.sock")
        defer {
            listener.remove()
            TemporaryFiles.remove(folder)
        }
        let process = try StartedProcess(command, socketPath: listener.path)
        let deadline = ContinuousClock.now + .seconds(Self.connectSeconds)
        var connection: Int32?
        while connection == nil {
            connection = try listener.accept(within: Self.lookMilliseconds)
            let status = process.status
            guard connection == nil, status != nil || ContinuousClock.now >= deadline else { continue }
            process.end()
            if let status { throw .nothing("the addon \(status) before it connected") }
            throw .nothing("the addon did not connect within \(Self.connectSeconds) s")
        }
        link = AddonLink(descriptor: connection ?? -1)
        token = process.token
        self.process = process
    }

    /// Waits for an addon that attaches by itself.
    init(attachingTo path: String) throws(ToolFailure) {
        let listener = try UnixListener(path: path)
        defer { listener.remove() }
        Notice.write(escapedForTerminal("waiting at \(path) for an addon: start it with PROXYD_ADDON_SOCKET=\(path)"))
        var connection: Int32?
        while connection == nil { connection = try listener.accept(within: -1) }
        link = AddonLink(descriptor: connection ?? -1)
        token = nil
        process = nil
    }

    /// Whether the addon exits by itself in time. One that attached is left alone.
    func endsByItself() -> Bool { process?.wait(seconds: Self.endSeconds) ?? true }

    /// Ends the process if the tool started it and it is still running.
    func end() { process?.end() }
}

/// A process run by `AddonProcess`, whose output goes to stderr.
private final class StartedProcess: Sendable {
    private let process: AddonProcess
    private let state = State()
    private let log: Log
    private let writer: OutputWriter

    private final class State: Sendable {
        let ended = DispatchSemaphore(value: 0)
        let status = Mutex<AddonProcess.ExitStatus?>(nil)
    }

    var token: String { process.token }
    var status: AddonProcess.ExitStatus? { state.status.withLock { $0 } }

    init(_ command: String, socketPath: String) throws(ToolFailure) {
        do {
            writer = try OutputWriter(stdout: STDERR_FILENO, stderr: STDERR_FILENO)
            log = Log(verbosity: .info, writer: writer)
            let spec = AddonSpec(name: "addon", command: command)
            process = try AddonProcess(spec, socketPath: socketPath, log: log) { [state] status in
                state.status.withLock { $0 = status }
                state.ended.signal()
            }
        } catch {
            throw ToolFailure.nothing("\(error)")
        }
    }

    /// Whether the process ends within this time.
    func wait(seconds: Int) -> Bool {
        guard status == nil else { return true }
        guard state.ended.wait(timeout: .now() + .seconds(seconds)) == .success else { return false }
        state.ended.signal()
        return true
    }

    func end() {
        process.terminate()
        _ = wait(seconds: 2 * AddonUnderTest.endSeconds)
        log.flush()
        writer.close()
    }
}
