import NIOCore
import Synchronization

/// The daemon's log. An entry goes to stderr when it is severe enough, and to at most one sink.
///
/// Logging never blocks: stderr is written by `OutputWriter`'s thread.
package final class Log: Sendable {
    /// Called on the logging thread; must neither block nor log.
    package typealias Sink = @Sendable (LogEntry) -> Void

    private struct State {
        var verbosity: LogLevel
        var sink: Sink?
        var sinkLevel = LogLevel.info
        var rates = LogRates()
        var afterSecond: (@Sendable (@escaping @Sendable () -> Void) -> Void)?

        func takes(_ level: LogLevel) -> Bool { level >= verbosity || sink != nil && level >= sinkLevel }
    }

    private let state: Mutex<State>
    private let writer: OutputWriter

    /// Creates a log that shows entries of at least `verbosity` on the writer's stderr.
    package init(verbosity: LogLevel, writer: OutputWriter) {
        state = Mutex(State(verbosity: verbosity))
        self.writer = writer
    }

    /// Changes the least severe level that is shown.
    package func setVerbosity(_ level: LogLevel) {
        state.withLock { $0.verbosity = level }
    }

    /// Sends every entry of at least `level` to `sink`, which replaces the former sink; nil removes it.
    package func setSink(atLeast level: LogLevel = .info, _ sink: Sink?) {
        state.withLock {
            $0.sink = sink
            $0.sinkLevel = level
        }
    }

    /// Sets the timer that reports dropped entries: `wait` runs its argument after a second.
    package func setTimer(_ wait: @escaping @Sendable (@escaping @Sendable () -> Void) -> Void) {
        state.withLock { $0.afterSecond = wait }
    }

    /// Logs at `debug`.
    package func debug(_ msg: @autoclosure () -> String, source: String = LogEntry.daemonSource, flow: String? = nil) {
        log(.debug, msg(), source: source, flow: flow)
    }

    /// Logs at `info`.
    package func info(_ msg: @autoclosure () -> String, source: String = LogEntry.daemonSource, flow: String? = nil) {
        log(.info, msg(), source: source, flow: flow)
    }

    /// Logs at `alert`.
    package func alert(_ msg: @autoclosure () -> String, source: String = LogEntry.daemonSource, flow: String? = nil) {
        log(.alert, msg(), source: source, flow: flow)
    }

    /// Logs at `warn`.
    package func warn(_ msg: @autoclosure () -> String, source: String = LogEntry.daemonSource, flow: String? = nil) {
        log(.warn, msg(), source: source, flow: flow)
    }

    /// Logs at `error`.
    package func error(_ msg: @autoclosure () -> String, source: String = LogEntry.daemonSource, flow: String? = nil) {
        log(.error, msg(), source: source, flow: flow)
    }

    /// Logs an entry. Evaluates `msg` only when the entry is wanted and its source is within the rate limit.
    package func log(
        _ level: LogLevel,
        _ msg: @autoclosure () -> String,
        source: String = LogEntry.daemonSource,
        flow: String? = nil
    ) {
        let verdict = state.withLock { $0.takes(level) ? $0.rates.judge(source, at: .now()) : nil }
        switch verdict {
        case nil:
            return
        case .leftOut(let isFirst):
            if isFirst { state.withLock(\.afterSecond)?({ self.tellLeftOut(at: .now()) }) }
        case .shown(let leftOut):
            if leftOut > 0 { tell(leftOut, of: source) }
            write(LogEntry(level: level, msg: msg(), timestamp: secondsSinceEpoch(), source: source, flow: flow))
        }
    }

    /// Reports dropped entries now.
    package func flush() {
        tellLeftOut(at: .distantFuture)
    }

    private func tellLeftOut(at now: NIODeadline) {
        for (source, count) in state.withLock({ $0.rates.takeLeftOut(at: now) }) { tell(count, of: source) }
    }

    private func tell(_ leftOut: Int, of source: String) {
        let msg = "\(leftOut) more entries left out: more than \(Limits.logEntriesPerSecond) in a second"
        write(LogEntry(level: .warn, msg: msg, timestamp: secondsSinceEpoch(), source: source))
    }

    private func write(_ entry: LogEntry) {
        let (isShown, sink) = state.withLock { state in
            (entry.level >= state.verbosity, entry.level >= state.sinkLevel ? state.sink : nil)
        }
        if isShown { writer.writeLine(entry.line, to: .stderr) }
        sink?(entry)
    }
}
