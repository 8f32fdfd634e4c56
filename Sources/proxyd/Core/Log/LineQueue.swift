/// A bounded queue of lines for one output stream. Lines that do not fit are counted and reported after the others.
struct LineQueue {
    private let limit: Int
    private var lines: [OutputLine] = []
    private var weight = 0
    private var dropped = 0

    /// - Parameter limit: for all weights together; a single line may exceed it.
    init(limit: Int) {
        self.limit = limit
    }

    var isEmpty: Bool { lines.isEmpty }
    /// Whether it is on its way to its limit.
    var isHeavy: Bool { weight > limit / 4 }

    /// - Returns: whether there was room.
    mutating func append(_ line: OutputLine) -> Bool {
        guard lines.isEmpty || weight + line.weight <= limit else {
            dropped += 1
            return false
        }
        lines.append(line)
        weight += line.weight
        return true
    }

    /// Takes all lines, in exchange for an empty list whose room is used again.
    mutating func takeAll(_ taken: inout [OutputLine]) {
        swap(&lines, &taken)
        weight = 0
        guard dropped > 0 else { return }
        taken.append(OutputLine("… \(dropped) lines dropped: nobody read this output"))
        dropped = 0
    }
}
