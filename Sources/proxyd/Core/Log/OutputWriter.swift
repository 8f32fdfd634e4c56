import Dispatch
import Foundation
import Glibc
import Synchronization

/// Writes lines to stdout and stderr on its own thread, so that a stuck terminal or an unread pipe never blocks an
/// event loop. Each stream has its own bounded queue, so one stuck stream does not block the other.
///
/// The text of a short line is made where it comes from, behind the lines before it; that of others the thread makes too. When
/// it has written all, it rests for a moment, and lines that come meanwhile do not wake it until they are many.
package final class OutputWriter: Sendable {
    /// The streams to write to.
    package enum Stream: Int, Sendable {
        case stdout
        case stderr
    }

    private struct State {
        var queues: [LineQueue]
        /// Whether the thread waits to be woken.
        var isAsleep = false
        var isClosing = false
    }

    /// The most bytes queued for one stream.
    static let queueLimit = 1 << 20
    /// How long `close` waits for queued lines, in milliseconds.
    static let closeTimeout = 1_000
    /// How long the thread rests before it checks its queues again, in milliseconds.
    private static let moment: Int32 = 50

    private let state: Mutex<State>
    private let files: [Int32]
    private let wakeUp: OwnedPipe
    private let ended = DispatchSemaphore(value: 0)

    /// Starts the thread. The two files remain the caller's.
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
        write(to: stream) { $0.append(contentsOf: line.utf8) }
    }

    /// Queues a line whose text `append` makes at once, in little time; an LF is added. Never blocks.
    package func write(to stream: Stream, _ append: (inout [UInt8]) -> Void) {
        queue(to: stream) { $0.append(append) }
    }

    /// Queues a line whose text is made when it is written; an LF is added. Never blocks.
    package func write(_ line: OutputLine, to stream: Stream) {
        queue(to: stream) { $0.append(line) }
    }

    /// - Parameter append: says whether there was room.
    private func queue(to stream: Stream, _ append: (inout LineQueue) -> Bool) {
        let mustWake = state.withLock { state in
            let wasHeavy = state.queues[stream.rawValue].isHeavy
            guard !state.isClosing, append(&state.queues[stream.rawValue]) else { return false }
            defer { state.isAsleep = false }
            return state.isAsleep || !wasHeavy && state.queues[stream.rawValue].isHeavy
        }
        if mustWake { wake() }
    }

    /// Writes the queued lines and ends the thread. Blocks for at most a second; later lines are dropped.
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
        _ = Glibc.write(wakeUp.write.number, [0], 1)
    }
}

/// The thread's side.
extension OutputWriter {
    private func run() {
        var outputs = files.map { OutputFile($0) }
        while refill(&outputs) {
            if writeSome(of: &outputs, within: Self.moment) { continue }
            if fallAsleep(outputs) { _ = writeSome(of: &outputs, within: -1) }
        }
        ended.signal()
    }

    /// Refills the outputs that have written everything.
    ///
    /// - Returns: false when all is written and the writer closes.
    private func refill(_ outputs: inout [OutputFile]) -> Bool {
        let isClosing = state.withLock { state in
            state.isAsleep = false
            for index in outputs.indices where outputs[index].isEmpty {
                outputs[index].take(from: &state.queues[index])
            }
            return state.isClosing
        }
        for index in outputs.indices where outputs[index].isEmpty { outputs[index].fill() }
        return !isClosing || outputs.contains { !$0.isEmpty }
    }

    /// Waits until a stream is writable or new lines arrive, then writes a part.
    ///
    /// - Parameter time: in milliseconds; -1 means no limit.
    /// - Returns: whether anything happened within that time.
    private func writeSome(of outputs: inout [OutputFile], within time: Int32) -> Bool {
        let busy = outputs.indices.filter { !outputs[$0].isEmpty }
        var polls = [pollfd(fd: wakeUp.read.number, events: Int16(POLLIN), revents: 0)]
        polls += busy.map { pollfd(fd: files[$0], events: Int16(POLLOUT), revents: 0) }
        poll(&polls, nfds_t(polls.count), time)
        if polls[0].revents != 0 { drainWakeUp() }
        for (index, poll) in zip(busy, polls.dropFirst()) where poll.revents != 0 { outputs[index].writeSome() }
        return polls.contains { $0.revents != 0 }
    }

    /// - Returns: false when there is work to do.
    private func fallAsleep(_ outputs: [OutputFile]) -> Bool {
        state.withLock { state in
            state.isAsleep = !outputs.indices.contains { outputs[$0].isEmpty && !state.queues[$0].isEmpty }
            return state.isAsleep
        }
    }

    private func drainWakeUp() {
        var bytes = [UInt8](repeating: 0, count: 64)
        _ = read(wakeUp.read.number, &bytes, bytes.count)
    }
}
