import Synchronization

/// Selects some of the flows that match.
enum Odds: Sendable {
    case chance(Double)
    case each(EachCounter)

    /// Whether the next flow is selected.
    func isHit() -> Bool {
        switch self {
        case .chance(let chance): Double.random(in: 0..<1) < chance
        case .each(let counter): counter.isHit()
        }
    }

    var text: String {
        switch self {
        case .chance(let chance): "chance \(chance)"
        case .each(let counter): "each \(counter.period)"
        }
    }
}

/// A counter that selects every Nth time.
final class EachCounter: Sendable {
    let period: Int
    private let count = Mutex(0)

    init(_ period: Int) { self.period = period }

    func isHit() -> Bool {
        count.withLock { count in
            count = (count + 1) % period
            return count == 0
        }
    }
}
