/// The ids of one daemon's flows and connections: the daemon's own text, the number of the event loop, and a count.
struct LoopIDs: Sendable {
    private static let radix = 36

    private let daemonID: String
    private let loopCount: Int
    /// How many digits the number of a loop has.
    private let width: Int

    init(daemonID: String, loopCount: Int) {
        self.daemonID = daemonID
        self.loopCount = loopCount
        width = String(max(loopCount, 1) - 1, radix: Self.radix).utf8.count
    }

    /// What all ids of one loop begin with, and those of no other.
    func prefix(ofLoop index: Int) -> String {
        let digits = String(index, radix: Self.radix)
        return daemonID + String(repeating: "0", count: width - digits.utf8.count) + digits
    }

    /// The number of the loop that an id is of; nil: no loop of this daemon has given it out.
    func loop(of id: String) -> Int? {
        guard id.utf8.starts(with: daemonID.utf8) else { return nil }
        let digits = id.utf8.dropFirst(daemonID.utf8.count).prefix(width)
        guard let index = Int(String(decoding: digits, as: UTF8.self), radix: Self.radix),
            (0..<loopCount).contains(index), id.utf8.starts(with: prefix(ofLoop: index).utf8)
        else { return nil }
        return index
    }
}
