/// The events that an addon has been sent and has not answered, each under the number of its request.
///
/// Numbers only grow, so the list is in their order, and an event is found by halving it.
struct EventsInFlight {
    private var entries: [(id: Int, event: PendingEvent)] = []

    var count: Int { entries.count }
    var events: [PendingEvent] { entries.map(\.event) }
    /// The one event, if there is but one.
    var only: (id: Int, event: PendingEvent)? { entries.count == 1 ? entries.first : nil }

    subscript(id: Int) -> PendingEvent? { index(of: id).map { entries[$0].event } }

    /// - Parameter id: higher than all before it.
    mutating func append(_ event: PendingEvent, as id: Int) {
        entries.append((id, event))
    }

    mutating func remove(_ id: Int) -> PendingEvent? {
        index(of: id).map { entries.remove(at: $0).event }
    }

    mutating func removeAll() {
        entries.removeAll()
    }

    /// Those that `isMatch`, with their numbers.
    func all(where isMatch: (PendingEvent) -> Bool) -> [(id: Int, event: PendingEvent)] {
        entries.filter { isMatch($0.event) }
    }

    private func index(of id: Int) -> Int? {
        var (start, end) = (0, entries.count)
        while start < end {
            let middle = (start + end) / 2
            if entries[middle].id < id { start = middle + 1 } else { end = middle }
        }
        return start < entries.count && entries[start].id == id ? start : nil
    }
}
