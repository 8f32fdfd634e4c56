import AddonProtocol
import AddonSDK
import Synchronization

/// Prints flows under one another: first those that are known, then those that come.
final class FlowPrinter: Sendable {
    private struct State {
        var table: Table?
        /// What came before the known ones were there.
        var early: [(row: FlowRow, json: JSONValue)] = []
    }

    private let json: Bool
    private let state = Mutex(State())

    init(json: Bool) {
        self.json = json
    }

    /// - Parameter rows: elements of `flow.list`, oldest first.
    func begin(with rows: [JSONValue]) {
        let known = rows.map { (row: FlowRow(listed: $0), json: $0) }
        let terminal = Terminal.standard
        let table = Table(FlowRow.columns, fitting: known.map(\.row.cells), width: terminal.width)
        state.withLock { state in
            if !json { Output.line(table.header(terminal)) }
            let finished = known.filter { entry in !state.early.contains { $0.row.id == entry.row.id } }
            for (row, json) in finished + state.early { print(row, json, table) }
            state.early = []
            state.table = table
        }
    }

    func receive(_ call: IncomingCall) {
        if call.method == "dropped" { return Notice.dropped(call.params) }
        let rows = FlowWatch.rows(call)
        state.withLock { state in
            guard let table = state.table else {
                state.early += rows
                return
            }
            for (row, json) in rows { print(row, json, table) }
        }
    }

    /// A flow that is about to be held.
    func printHeld(_ flow: JSONValue) {
        var row = FlowRow(flow: flow)
        if !row.isHeld { row.marks.insert("held", at: 0) }
        state.withLock { state in
            if let table = state.table { print(row, flow, table) }
        }
    }

    private func print(_ row: FlowRow, _ value: JSONValue, _ table: Table) {
        if json { return Output.line(JSONText.line(value)) }
        Output.line(table.line(row.cells, Terminal.standard))
    }
}

/// What a watching tool says of itself, on stderr.
enum Notice {
    /// How many notifications the daemon has left out because the tool had not read those before.
    static func dropped(_ params: LazyJSON) {
        let count = params["count"]?.value.intValue ?? 0
        Output.write("proxyd: \(count) more not shown: this terminal was too slow\n", to: 2)
    }
}
