import AddonProtocol

/// The seats in chain order, with the terms of each. Each loop makes a plan of it when it next needs one, so any number
/// of changes in between costs a single plan.
struct Chain: Sendable {
    typealias Place = (seat: Seat, terms: AddonTerms)

    private(set) var places: [Place] = []

    /// Sets the terms of `seat` from now on.
    mutating func set(_ terms: AddonTerms, in seat: Seat) {
        guard let index = index(of: seat) else { return }
        places[index].terms = terms
    }

    /// Removes a seat.
    mutating func remove(_ seat: Seat) {
        guard let index = index(of: seat) else { return }
        places.remove(at: index)
    }

    /// The mailboxes to send an event to that is not about a flow.
    func observers(of event: Event) -> [AddonMailbox] {
        places.compactMap { $0.terms.byEvent[event] == nil ? nil : $0.seat.occupant }
    }

    private func index(of seat: Seat) -> Int? { places.firstIndex { $0.seat === seat } }
}

extension Chain {
    init(_ places: [Place]) {
        self.places = places
    }
}
