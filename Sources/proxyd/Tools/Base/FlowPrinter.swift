import AddonProtocol
import AddonSDK
import Synchronization

/// Prints flows one below the other: first those already known, then new ones as they arrive.
final class FlowPrinter: Sendable {
    private struct State {
        var table: Table?
        /// Notifications that arrived before the known flows were printed.
        var early: [IncomingCall] = []
        var feed = FlowFeed()
    }

    private let json: Bool
    private let columns: [Table.Column]
    private let losses: AsyncStream<Int>.Continuation
    private let state = Mutex(State())
    /// Each `seq` after which notifications were lost; it ends when the connection to the daemon does.
    let lost: AsyncStream<Int>

    /// - Parameter isGrowing: whether more flows follow those already known.
    init(json: Bool, isGrowing: Bool) {
        self.json = json
        columns = isGrowing ? FlowRow.growingColumns : FlowRow.columns
        (lost, losses) = AsyncStream.makeStream(of: Int.self)
    }

    /// Prints, once, the flows in the answer to `flow.list` or `flow.subscribe`.
    func begin(with answer: JSONValue) {
        let known = Array((answer["flows"]?.arrayValue ?? []).reversed())
        let terminal = Terminal.standard
        let table = Table(columns, fitting: known.map { FlowRow(listed: $0).cells }, width: terminal.width)
        state.withLock { state in
            guard state.table == nil else { return }
            if !json { Output.line(table.header(terminal)) }
            for row in known { print(row, table) }
            state.feed.begin(answer)
            state.table = table
            for call in state.early { take(call, table, &state.feed) }
            state.early = []
        }
    }

    func receive(_ call: IncomingCall) {
        if call.method == "dropped" { Notice.dropped(call.params) }
        state.withLock { state in
            guard let table = state.table else {
                state.early.append(call)
                return
            }
            take(call, table, &state.feed)
        }
    }

    /// Prints what a second `flow.subscribe` returned of the lost notifications.
    func recover(_ answer: JSONValue) {
        if answer["complete"] != true { Notice.write("some flows are missing here: more ended than could be reported") }
        state.withLock { state in
            guard let table = state.table else { return }
            for row in state.feed.lines(of: (answer["flows"]?.arrayValue ?? []).reversed()) { print(row, table) }
        }
    }

    /// Prints a flow that is about to be held at an event.
    func printHeld(_ flow: JSONValue, at event: String) {
        var row = FlowRow(flow: flow)
        if row.isHeld { row.marks.removeFirst() }
        row.marks.insert("held:\(event)", at: 0)
        begin(with: [:])
        state.withLock { state in
            if let table = state.table { print(row, row.json, table) }
        }
    }

    func end() { losses.finish() }

    private func take(_ call: IncomingCall, _ table: Table, _ feed: inout FlowFeed) {
        guard call.method == "flows" else { return }
        let (rows, lostAfter) = feed.take(call.params.value)
        for row in rows { print(row, table) }
        if let lostAfter { losses.yield(lostAfter) }
    }

    private func print(_ listed: JSONValue, _ table: Table) { print(FlowRow(listed: listed), listed, table) }

    private func print(_ row: FlowRow, _ value: JSONValue, _ table: Table) {
        if json { return Output.line(JSONText.line(value)) }
        Output.line(table.line(row.cells, Terminal.standard))
    }
}
