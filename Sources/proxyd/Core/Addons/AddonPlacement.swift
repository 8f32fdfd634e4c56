import Synchronization

/// Chooses a loop for each addon that comes: the processes of one addon are spread, so that each loop has one of its own,
/// and beside that all addons are.
final class AddonPlacement: Sendable {
    /// Whose addons each loop has.
    private let addons: Mutex<[[String]]>

    init(loops: Int) {
        addons = Mutex(Array(repeating: [], count: loops))
    }

    /// A place on the loop that has the fewest of `addon`, and of those the fewest in all; the loop's number.
    func take(for addon: String) -> Int {
        addons.withLock { addons in
            let loop = addons.indices.min { load(of: addon, addons[$0]) < load(of: addon, addons[$1]) } ?? 0
            addons[loop].append(addon)
            return loop
        }
    }

    private func load(of addon: String, _ others: [String]) -> (Int, Int) {
        (others.count { $0 == addon }, others.count)
    }

    /// An addon of that loop has left.
    func free(_ addon: String, on loop: Int) {
        addons.withLock { addons in
            if let place = addons[loop].firstIndex(of: addon) { addons[loop].remove(at: place) }
        }
    }
}
