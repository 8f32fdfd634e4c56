import Foundation
import Glibc

@testable import ProxyTLS

#if !SANITIZE_THREAD
import Synchronization
#endif

/// A process with its standard input and output. It is killed when this object is released.
final class RunningProgram: Sendable {
    private enum State {
        case running(pid_t)
        case ended(Int32)
    }

    private static let spawning = Mutex(())

    private let input: Mutex<Int32?>
    private let state: Mutex<State>
    private let unread = Mutex("")
    private let chunks: AsyncStream<String>

    init(_ name: String, _ arguments: [String]) throws {
        signal(SIGPIPE, SIG_IGN)
        // One at a time, since a process that is spawned between `pipe` and `fcntl` would hold the pipe open.
        let (process, input, output) = try Self.spawning.withLock { _ in
            let (input, output) = (try Self.pipe(), try Self.pipe())
            let process = try Self.spawn([name] + arguments, input: input.reading, output: output.writing)
            return (process, input, output)
        }
        close(input.reading)
        close(output.writing)
        self.input = Mutex(input.writing)
        state = Mutex(.running(process))
        let (chunks, continuation) = AsyncStream.makeStream(of: String.self)
        self.chunks = chunks
        Thread.detachNewThread { [weak self] in
            Self.readAll(output.reading) { continuation.yield($0) }
            var status: Int32 = 0
            waitpid(process, &status, 0)
            self?.state.withLock { $0 = .ended(status & 0x7F == 0 ? status >> 8 & 0xFF : -1) }
            continuation.finish()
        }
    }

    deinit {
        kill()
        endInput()
    }

    func send(_ text: String) {
        let bytes = Array(text.utf8)
        input.withLock { descriptor in
            if let descriptor { _ = Files.writeAll(descriptor, bytes) }
        }
    }

    func endInput() {
        input.withLock { descriptor in
            if let open = descriptor { close(open) }
            descriptor = nil
        }
    }

    func kill() {
        state.withLock { state in
            if case .running(let process) = state { Glibc.kill(process, SIGKILL) }
        }
    }

    /// Waits until it exits.
    func output() async -> OpenSSLProgram.Output {
        for await chunk in chunks { unread.withLock { $0 += chunk } }
        let status = state.withLock { state in
            switch state {
            case .running: Int32(-1)
            case .ended(let status): status
            }
        }
        return OpenSSLProgram.Output(status: status, text: unread.withLock { $0 })
    }

    /// The output up to and including `mark`.
    func read(until mark: String) async throws -> String {
        if let found = take(mark) { return found }
        for await chunk in chunks {
            unread.withLock { $0 += chunk }
            if let found = take(mark) { return found }
        }
        throw OpenSSLProgram.Failure(text: "ended without \"\(mark)\": \(unread.withLock { $0 })")
    }

    private func take(_ mark: String) -> String? {
        unread.withLock { text in
            guard let range = text.range(of: mark) else { return nil }
            defer { text = String(text[range.upperBound...]) }
            return String(text[..<range.upperBound])
        }
    }

    private static func pipe() throws -> (reading: Int32, writing: Int32) {
        var descriptors: [Int32] = [0, 0]
        guard Glibc.pipe(&descriptors) == 0 else { throw OpenSSLProgram.Failure(text: "pipe") }
        for descriptor in descriptors { _ = fcntl(descriptor, F_SETFD, FD_CLOEXEC) }
        return (descriptors[0], descriptors[1])
    }

    private static func spawn(_ command: [String], input: Int32, output: Int32) throws -> pid_t {
        var actions = posix_spawn_file_actions_t()
        posix_spawn_file_actions_init(&actions)
        defer { posix_spawn_file_actions_destroy(&actions) }
        posix_spawn_file_actions_adddup2(&actions, input, 0)
        posix_spawn_file_actions_adddup2(&actions, output, 1)
        posix_spawn_file_actions_adddup2(&actions, output, 2)
        var arguments = command.map { strdup($0) } + [nil]
        defer { for argument in arguments { free(argument) } }
        var process: pid_t = 0
        guard posix_spawnp(&process, command[0], &actions, nil, &arguments, environ) == 0 else {
            throw OpenSSLProgram.Failure(text: "cannot run \(command[0])")
        }
        return process
    }

    private static func readAll(_ descriptor: Int32, _ yield: (String) -> Void) {
        var chunk = [UInt8](repeating: 0, count: 65_536)
        while case let count = Glibc.read(descriptor, &chunk, chunk.count), count > 0 {
            yield(String(decoding: chunk.prefix(count), as: UTF8.self))
        }
        close(descriptor)
    }
}
