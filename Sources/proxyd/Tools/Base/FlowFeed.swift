import AddonProtocol

/// Decides which of the daemon's notifications about flows become a line. A flow gets a line when it is held, and another when it
/// ends, however often it is reported.
struct FlowFeed {
    /// The number of ended flows remembered, to tell them from flows that end now.
    static let maximumRemembered = 10_000

    /// The number of the last change received.
    private var seq = 0
    private var ended: Set<String> = []
    private var held: Set<String> = []

    /// Begins with the answer to `flow.subscribe`, whose flows are shown already.
    mutating func begin(_ answer: JSONValue) {
        seq = answer["seq"]?.intValue ?? 0
        _ = lines(of: answer["flows"]?.arrayValue ?? [])
    }

    /// Takes a `flows` notification.
    ///
    /// - Returns: the rows that become a line, without those that an answer has reported already; and, if notifications were
    ///   lost, the `seq` after which they were.
    mutating func take(_ params: JSONValue) -> (rows: [JSONValue], lostAfter: Int?) {
        guard let number = params["seq"]?.intValue, number > seq else { return ([], nil) }
        let lostAfter = params["after"]?.intValue ?? 0 > seq ? seq : nil
        seq = number
        return (lines(of: params["flows"]?.arrayValue ?? []), lostAfter)
    }

    /// The rows that become a line and have not had one yet.
    mutating func lines(of rows: [JSONValue]) -> [JSONValue] { rows.filter { isNew($0) } }

    private mutating func isNew(_ row: JSONValue) -> Bool {
        let id = row.text("id")
        if row["intercepted"] == true { return held.insert(id).inserted }
        held.remove(id)
        guard row.text("state") == "done" else { return false }
        if ended.count >= Self.maximumRemembered { ended = [] }
        return ended.insert(id).inserted
    }
}
