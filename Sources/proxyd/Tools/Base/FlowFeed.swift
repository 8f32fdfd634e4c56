import AddonProtocol

/// Which of the flows that the daemon tells of, again and again as they change, make a line: each when it is held, and when it
/// has ended.
struct FlowFeed {
    /// So many flows that have ended are remembered, to tell them from those that end.
    static let maximumRemembered = 10_000

    /// The number of the last change that was told of.
    private var seq = 0
    private var ended: Set<String> = []
    private var held: Set<String> = []

    /// Begins with the answer of `flow.subscribe`, whose flows are shown already.
    mutating func begin(_ answer: JSONValue) {
        seq = answer["seq"]?.intValue ?? 0
        _ = lines(of: answer["flows"]?.arrayValue ?? [])
    }

    /// Takes a `flows` notification.
    ///
    /// - Returns: the rows that make a line, and if something was lost the `seq` after which. Of what an answer has told
    ///   already there are none.
    mutating func take(_ params: JSONValue) -> (rows: [JSONValue], lostAfter: Int?) {
        guard let number = params["seq"]?.intValue, number > seq else { return ([], nil) }
        let lostAfter = params["after"]?.intValue ?? 0 > seq ? seq : nil
        seq = number
        return (lines(of: params["flows"]?.arrayValue ?? []), lostAfter)
    }

    /// The rows that make a line and have not made it yet.
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
