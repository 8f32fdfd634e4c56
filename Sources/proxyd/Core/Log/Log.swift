import Synchronization

/// The daemon's log. An entry goes to stderr when it is severe enough, and to the one sink that listens.
///
/// Logging never blocks: stderr is written by `OutputWriter`'s thread.
package final class Log: Sendable {
    /// Called on the thread that logs; must not block, and must not log.
    package typealias Sink = @Sendable (LogEntry) -> Void

    private struct State {
        var verbosity: LogLevel
        var sink: Sink?
        var sinkLevel = LogLevel.info
    }

    private let state: Mutex<State>
    private let writer: OutputWriter

    package init(verbosity: LogLevel, writer: OutputWriter) {
        state = Mutex(State(verbosity: verbosity))
        self.writer = writer
    }

    package func setVerbosity(_ level: LogLevel) {
        state.withLock { $0.verbosity = level }
    }

    /// `sink` gets every entry of at least `level` from now on, in place of the former sink; nil ends it.
    package func setSink(atLeast level: LogLevel = .info, _ sink: Sink?) {
        state.withLock {
            $0.sink = sink
            $0.sinkLevel = level
        }
    }

    package func debug(_ msg: @autoclosure () -> String, source: String = LogEntry.daemonSource, flow: String? = nil) {
        log(.debug, msg(), source: source, flow: flow)
    }

    package func info(_ msg: @autoclosure () -> String, source: String = LogEntry.daemonSource, flow: String? = nil) {
        log(.info, msg(), source: source, flow: flow)
    }

    package func alert(_ msg: @autoclosure () -> String, source: String = LogEntry.daemonSource, flow: String? = nil) {
        log(.alert, msg(), source: source, flow: flow)
    }

    package func warn(_ msg: @autoclosure () -> String, source: String = LogEntry.daemonSource, flow: String? = nil) {
        log(.warn, msg(), source: source, flow: flow)
    }

    package func error(_ msg: @autoclosure () -> String, source: String = LogEntry.daemonSource, flow: String? = nil) {
        log(.error, msg(), source: source, flow: flow)
    }

    /// `msg` is only made when somebody wants the entry.
    package func log(
        _ level: LogLevel,
        _ msg: @autoclosure () -> String,
        source: String = LogEntry.daemonSource,
        flow: String? = nil
    ) {
        let (isShown, sink) = state.withLock { (level >= $0.verbosity, level >= $0.sinkLevel ? $0.sink : nil) }
        guard isShown || sink != nil else { return }
        let entry = LogEntry(level: level, msg: msg(), timestamp: secondsSinceEpoch(), source: source, flow: flow)
        if isShown { writer.writeLine(entry.line, to: .stderr) }
        sink?(entry)
    }
}
