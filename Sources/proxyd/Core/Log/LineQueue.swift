/// A bounded queue of lines for one output stream. Lines that do not fit are counted and reported after the others.
struct LineQueue {
    /// What was taken of it: lines whose text is still to be made, then text.
    struct Contents {
        var lines: [OutputLine] = []
        /// Lines, each with its LF.
        var text: [UInt8] = []
    }

    private let limit: Int
    private var contents = Contents()
    /// Of the lines without text.
    private var weight = 0
    private var dropped = 0

    /// - Parameter limit: for all weights together; a single line may exceed it.
    init(limit: Int) {
        self.limit = limit
    }

    var isEmpty: Bool { contents.lines.isEmpty && contents.text.isEmpty }
    /// Whether it is on its way to its limit.
    var isHeavy: Bool { weight + contents.text.count > limit / 4 }

    /// - Returns: whether there was room.
    mutating func append(_ line: OutputLine) -> Bool {
        guard isEmpty || weight + contents.text.count + line.weight <= limit else {
            dropped += 1
            return false
        }
        closeText()
        contents.lines.append(line)
        weight += line.weight
        return true
    }

    /// Appends a line whose text `write` makes at once, behind the text of those before it.
    ///
    /// - Returns: whether there was room.
    mutating func append(_ write: (inout [UInt8]) -> Void) -> Bool {
        let (wasEmpty, start) = (isEmpty, contents.text.count)
        write(&contents.text)
        contents.text.append(UInt8(ascii: "\n"))
        guard wasEmpty || weight + contents.text.count <= limit else {
            contents.text.removeLast(contents.text.count - start)
            dropped += 1
            return false
        }
        return true
    }

    /// Has the next line come behind the text.
    private mutating func closeText() {
        guard let last = contents.text.popLast() else { return }
        assert(last == UInt8(ascii: "\n"), "each line has its LF")
        let text = contents.text
        contents.lines.append(OutputLine(weight: text.count + 1) { $0.append(contentsOf: text) })
        weight += text.count + 1
        contents.text = []
    }

    /// Takes all lines, in exchange for what is empty and has room that is used again.
    mutating func takeAll(_ taken: inout Contents) {
        swap(&contents, &taken)
        weight = 0
        guard dropped > 0 else { return }
        taken.text.append(contentsOf: "… \(dropped) lines dropped: nobody read this output\n".utf8)
        dropped = 0
    }
}
