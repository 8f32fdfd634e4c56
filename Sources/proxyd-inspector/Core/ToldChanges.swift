import AddonProtocol

/// Which changes of flows the daemon has told of, by their numbers (protocol, "Watching flows").
///
/// An answer and the notifications around it may overtake each other: what has the smaller number is older.
struct ToldChanges {
    enum News: Equatable {
        case old, next
        /// Some before it were lost.
        case afterLoss
    }

    /// The number of the last change.
    private var last = 0
    /// That of the last change before those that were lost.
    private var lostAfter: Int?
    private var isAsking = false
    /// The flows of which notifications told since it was asked, and the number of the last.
    private var toldSince: [String: Int] = [:]

    /// Whether something was lost that has not been asked for.
    var lacks: Bool { lostAfter != nil }

    /// Notes a notification of these flows.
    mutating func notified(_ number: Int, after: Int, of flows: [JSONValue]) -> News {
        guard number > last else { return .old }
        defer { last = number }
        if isAsking { for flow in flows { toldSince[flow["id"]?.stringValue ?? ""] = number } }
        guard after > last else { return .next }
        lostAfter = lostAfter ?? last
        return .afterLoss
    }

    /// - Returns: the number after which all changes are to be asked for.
    mutating func ask() -> Int {
        defer { (lostAfter, isAsking) = (nil, true) }
        return lostAfter ?? last
    }

    /// Notes that an answer has come, whose flows follow.
    mutating func answered(_ number: Int) { last = max(last, number) }

    /// - Parameter flows: the answer's; nil: there was none.
    /// - Returns: those of which no notification has told what is newer.
    mutating func take(_ flows: [JSONValue]?, _ number: Int = 0) -> [JSONValue] {
        defer { (isAsking, toldSince) = (false, [:]) }
        return (flows ?? []).filter { toldSince[$0["id"]?.stringValue ?? ""] ?? 0 <= number }
    }
}
