import AddonProtocol
import Synchronization

/// Reports the outcome of each request that was sent again.
final class SentReport: Sendable {
    private struct Counts {
        var sent = 0
        var answered = 0
        var failed = 0
        /// The number of requests answered with another status than the recorded one.
        var differing = 0
        var hasHeader = false
    }

    private let json: Bool
    private let table: Table
    private let counts = Mutex(Counts())

    init(json: Bool) {
        self.json = json
        table = Table(FlowRow.growingColumns, fitting: [], width: Terminal.standard.width)
    }

    /// The number of requests that were not answered.
    var failed: Int { counts.withLock(\.failed) }

    func add(_ flow: JSONValue, recorded: JSONValue) {
        let (status, former) = (
            flow["response"]?["status_code"]?.intValue, recorded["response"]?["status_code"]?.intValue
        )
        let isAnswered = status != nil && flow["error"]?.isNull ?? true
        let differs = isAnswered && status != former
        counts.withLock { counts in
            counts.sent += 1
            if isAnswered { counts.answered += 1 } else { counts.failed += 1 }
            if differs { counts.differing += 1 }
            var row = FlowRow(flow: flow)
            if differs { row.marks.append("was:\(former.map(String.init) ?? "unanswered")") }
            write(row, ["recorded_status": former.map { .integer($0) } ?? .null, "differs": .bool(differs)], &counts)
        }
    }

    /// Reports why a request cannot be sent.
    func refuse(_ recorded: JSONValue, _ reason: String) {
        counts.withLock { $0.failed += 1 }
        Notice.write(escapedForTerminal("\(reason); not sent"))
    }

    /// - Parameter foreign: the number of flows that were left out.
    func end(foreign: Int) {
        let counts = counts.withLock { $0 }
        if json {
            return Output.line(
                JSONText.line([
                    "sent": .integer(counts.sent), "answered": .integer(counts.answered),
                    "failed": .integer(counts.failed), "differing": .integer(counts.differing),
                    "left_out": .integer(foreign),
                ])
            )
        }
        let differing = counts.differing == 0 ? "" : " (\(counts.differing) with another status than before)"
        let leftOut = foreign == 0 ? "" : ", \(foreign) left out"
        Notice.write("\(counts.sent) sent, \(counts.answered) answered\(differing), \(counts.failed) failed\(leftOut)")
    }

    private func write(_ row: FlowRow, _ more: JSONValue, _ counts: inout Counts) {
        if json { return Output.line(JSONText.line(.object((row.json.members ?? []) + (more.members ?? [])))) }
        if !counts.hasHeader { Output.line(table.header(.standard)) }
        counts.hasHeader = true
        Output.line(table.line(row.cells, .standard))
    }
}
