import Synchronization

/// Chooses a loop for each new addon. The processes of one addon are spread evenly, so that each loop has its own if
/// possible, and so are all addons together.
final class AddonPlacement: Sendable {
    /// The addons of each loop.
    private let addons: Mutex<[[String]]>

    init(loops: Int) {
        addons = Mutex(Array(repeating: [], count: loops))
    }

    /// Takes a place on the loop with the fewest processes of `addon`, and among those the fewest in all. Returns its
    /// number.
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

    /// Frees the place of an addon that has left.
    func free(_ addon: String, on loop: Int) {
        addons.withLock { addons in
            if let place = addons[loop].firstIndex(of: addon) { addons[loop].remove(at: place) }
        }
    }
}
