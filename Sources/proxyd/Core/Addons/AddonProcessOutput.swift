import Dispatch
import Foundation
import Glibc

/// Reads a child's standard output and error on its own thread, and passes lines on as they arrive.
final class AddonProcessOutput: Sendable {
    /// One of the two streams, and its incomplete line.
    private struct Stream {
        var file: OwnedFile
        var level: LogLevel
        var lines = AddonProcessLines()
    }

    private let cancelling: OwnedPipe
    private let ended = DispatchGroup()
    private let onLine: @Sendable (LogLevel, String) -> Void

    /// `onLine` must not block. The output owns `cancelling`.
    init(
        stdout: OwnedFile,
        stderr: OwnedFile,
        cancelling: OwnedPipe,
        onLine: @escaping @Sendable (LogLevel, String) -> Void
    ) {
        self.cancelling = cancelling
        self.onLine = onLine
        ended.enter()
        let thread = Thread { [self] in
            read([Stream(file: stdout, level: .info), Stream(file: stderr, level: .warn)])
            ended.leave()
        }
        thread.name = "addon output"
        thread.start()
    }

    /// Blocks until no process has the other ends open and everything is read; false when the time runs out first.
    func waitForEnd(milliseconds: Int) -> Bool {
        ended.wait(timeout: .now() + .milliseconds(milliseconds)) == .success
    }

    /// Stops reading, even if somebody still writes. Blocks only until what has been written so far is read.
    func cancel() {
        _ = write(cancelling.write.number, [0], 1)
        ended.wait()
    }

    private func read(_ streams: [Stream]) {
        var streams = streams
        while !streams.isEmpty {
            var polls = streams.map { pollfd(fd: $0.file.number, events: Int16(POLLIN), revents: 0) }
            polls.append(pollfd(fd: cancelling.read.number, events: Int16(POLLIN), revents: 0))
            poll(&polls, nfds_t(polls.count), -1)
            let isCancelled = polls.last?.revents != 0
            streams = zip(streams, polls).compactMap { stream, poll in
                poll.revents == 0 && !isCancelled ? stream : readOn(stream, isLast: isCancelled)
            }
        }
    }

    /// Reads what is available, and returns the stream unless it has ended.
    private func readOn(_ stream: Stream, isLast: Bool) -> Stream? {
        var stream = stream
        if isLast {
            readRest(&stream)
        } else if readPiece(&stream) {
            return stream
        }
        if let line = stream.lines.finish() { onLine(stream.level, line) }
        return nil
    }

    /// - Returns: whether there may be more.
    private func readPiece(_ stream: inout Stream) -> Bool {
        var chunk = [UInt8](repeating: 0, count: AddonProcessLines.limit)
        let count = Glibc.read(stream.file.number, &chunk, chunk.count)
        for line in stream.lines.append(chunk.prefix(max(0, count))) { onLine(stream.level, line) }
        return count > 0 || (count < 0 && errno == EINTR)
    }

    /// Reads what is available, up to the capacity of a pipe.
    private func readRest(_ stream: inout Stream) {
        _ = fcntl(stream.file.number, F_SETFL, O_NONBLOCK)
        for _ in 0..<Self.piecesOfPipe { guard readPiece(&stream) else { return } }
    }

    /// More than the 64 KiB that a pipe holds (pipe(7)).
    private static let piecesOfPipe = 16
}
