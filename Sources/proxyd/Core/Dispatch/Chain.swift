import AddonProtocol

/// The seats in the order of the chain, with what each wants now. Each loop makes its plan of it when it next needs one:
/// however many addons come or go meanwhile, it makes one plan.
struct Chain: Sendable {
    typealias Place = (seat: Seat, terms: AddonTerms)

    private(set) var places: [Place] = []

    /// What is wanted in `seat` from now on.
    mutating func set(_ terms: AddonTerms, in seat: Seat) {
        guard let index = index(of: seat) else { return }
        places[index].terms = terms
    }

    mutating func remove(_ seat: Seat) {
        guard let index = index(of: seat) else { return }
        places.remove(at: index)
    }

    /// Those who get an event that is no flow's.
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
