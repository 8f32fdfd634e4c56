/// The bytes that wait for one output stream, up to a limit; lines beyond it are counted and told of later.
struct LineQueue {
    private let limit: Int
    private var bytes: [UInt8] = []
    private var start = 0
    private var dropped = 0

    /// `limit` in bytes.
    init(limit: Int) {
        self.limit = limit
    }

    var isEmpty: Bool { start == bytes.count }

    mutating func append(_ line: String) {
        let notice = dropped == 0 ? "" : "… \(dropped) lines dropped: nobody read this output\n"
        guard bytes.count - start + notice.utf8.count + line.utf8.count < limit else {
            dropped += 1
            return
        }
        dropped = 0
        bytes.append(contentsOf: notice.utf8)
        bytes.append(contentsOf: line.utf8)
        bytes.append(UInt8(ascii: "\n"))
    }

    /// The oldest bytes, at most `count`.
    func prefix(_ count: Int) -> ArraySlice<UInt8> {
        bytes[start...].prefix(count)
    }

    mutating func removeFirst(_ count: Int) {
        start = min(start + count, bytes.count)
        guard start > limit / 2 || isEmpty else { return }
        bytes.removeFirst(start)
        start = 0
    }

    mutating func removeAll() {
        removeFirst(bytes.count)
    }
}
