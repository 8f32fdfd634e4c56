import Synchronization

/// Of the flows that match, those that something happens to.
enum Odds: Sendable {
    case chance(Double)
    case each(EachCounter)

    /// Whether it is this one.
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

/// Counts, and hits each Nth time.
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
