import Dispatch
import Foundation
import Glibc
import Synchronization

/// Writes lines to stdout and stderr on a thread of its own, so that a stuck terminal or an unread pipe never holds
/// an event loop. Each stream has its own bounded queue; one that is stuck does not hold the other.
package final class OutputWriter: Sendable {
    package enum Stream: Sendable {
        case stdout
        case stderr
    }

    private struct State {
        var queues: [LineQueue]
        var isClosing = false
    }

    /// The most bytes that wait for one stream.
    static let queueLimit = 1 << 20
    /// How long `close` waits for what is queued, in milliseconds.
    static let closeTimeout = 1_000
    /// A pipe that polls as writable takes this many bytes without blocking (PIPE_BUF).
    private static let chunk = 4_096

    private let state: Mutex<State>
    private let files: [Int32]
    private let wakeUp: OwnedPipe
    private let ended = DispatchSemaphore(value: 0)

    /// The writer does not own the two files.
    package init(stdout: Int32 = STDOUT_FILENO, stderr: Int32 = STDERR_FILENO) throws(FileError) {
        let queue = LineQueue(limit: Self.queueLimit)
        state = Mutex(State(queues: [queue, queue]))
        files = [stdout, stderr]
        wakeUp = try OwnedPipe()
        wakeUp.read.setNonBlocking()
        wakeUp.write.setNonBlocking()
        let thread = Thread { [self] in run() }
        thread.name = "output"
        thread.start()
    }

    /// Queues the line; an LF is added. Never blocks.
    package func writeLine(_ line: String, to stream: Stream) {
        let index = stream == .stdout ? 0 : 1
        let wasEmpty = state.withLock { state in
            guard !state.isClosing else { return false }
            defer { state.queues[index].append(line) }
            return state.queues[index].isEmpty
        }
        if wasEmpty { wake() }
    }

    /// Writes what is queued, for a second at most, and ends the thread. Blocks meanwhile; later lines are ignored.
    package func close() {
        let isFirst = state.withLock { state in
            defer { state.isClosing = true }
            return !state.isClosing
        }
        guard isFirst else { return }
        wake()
        _ = ended.wait(timeout: .now() + .milliseconds(Self.closeTimeout))
    }

    private func wake() {
        _ = write(wakeUp.write.number, [0], 1)
    }
}

/// What the thread does.
extension OutputWriter {
    private func run() {
        var last: Int?
        while let pending = pendingChunks() {
            var polls = [pollfd(fd: wakeUp.read.number, events: Int16(POLLIN), revents: 0)]
            polls += pending.map { pollfd(fd: files[$0.index], events: Int16(POLLOUT), revents: 0) }
            poll(&polls, nfds_t(polls.count), -1)
            if polls[0].revents != 0 { drainWakeUp() }
            let ready = zip(polls.dropFirst(), pending).filter { $0.0.revents != 0 }.map(\.1)
            guard let turn = ready.first(where: { $0.index != last }) ?? ready.first else { continue }
            writeOut(turn.bytes, to: turn.index)
            last = turn.index
        }
        ended.signal()
    }

    /// What can be written now; nil when all is written and the writer closes.
    private func pendingChunks() -> [(index: Int, bytes: ArraySlice<UInt8>)]? {
        state.withLock { state in
            let pending = state.queues.indices.filter { !state.queues[$0].isEmpty }
            guard !(pending.isEmpty && state.isClosing) else { return nil }
            return pending.map { ($0, state.queues[$0].prefix(Self.chunk)) }
        }
    }

    private func writeOut(_ bytes: ArraySlice<UInt8>, to index: Int) {
        let count = bytes.withUnsafeBytes { write(files[index], $0.baseAddress, $0.count) }
        let failure = count < 0 ? errno : 0
        guard failure != EAGAIN, failure != EINTR else { return }
        state.withLock { state in
            if failure == 0 { state.queues[index].removeFirst(count) } else { state.queues[index].removeAll() }
        }
    }

    private func drainWakeUp() {
        var bytes = [UInt8](repeating: 0, count: 64)
        _ = read(wakeUp.read.number, &bytes, bytes.count)
    }
}
