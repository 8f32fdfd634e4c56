import AddonProtocol

/// Tracks which changes of flows the daemon has reported, by their numbers (protocol, "Watching flows").
///
/// An answer and the notifications around it may overtake each other: the one with the smaller number is older.
struct ToldChanges {
    enum News: Equatable {
        case old, next
        /// Notifications before it were lost.
        case afterLoss
    }

    /// The number of the last change.
    private var last = 0
    /// The number of the last change before lost ones.
    private var lostAfter: Int?
    private var isAsking = false
    /// The flows in notifications since the last request, with the number of the last change of each.
    private var toldSince: [String: Int] = [:]

    /// Whether something was lost that has not been asked for.
    var lacks: Bool { lostAfter != nil }

    /// Records a notification about these flows.
    mutating func notified(_ number: Int, after: Int, of flows: [JSONValue]) -> News {
        guard number > last else { return .old }
        defer { last = number }
        if isAsking { for flow in flows { toldSince[flow["id"]?.stringValue ?? ""] = number } }
        guard after > last else { return .next }
        lostAfter = lostAfter ?? last
        return .afterLoss
    }

    /// - Returns: the number after which to ask for all changes.
    mutating func ask() -> Int {
        defer { (lostAfter, isAsking) = (nil, true) }
        return lostAfter ?? last
    }

    /// Records that an answer has arrived, whose flows follow.
    mutating func answered(_ number: Int) { last = max(last, number) }

    /// - Parameter flows: the flows in the answer; nil: there was none.
    /// - Returns: the flows for which no notification has had anything newer.
    mutating func take(_ flows: [JSONValue]?, _ number: Int = 0) -> [JSONValue] {
        defer { (isAsking, toldSince) = (false, [:]) }
        return (flows ?? []).filter { toldSince[$0["id"]?.stringValue ?? ""] ?? 0 <= number }
    }
}
