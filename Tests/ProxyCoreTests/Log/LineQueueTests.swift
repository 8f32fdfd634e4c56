import Testing

@testable import ProxyCodecs
@testable import ProxyCore

struct LineQueueTests {
    /// A line whose text is made when it is written.
    private func line(_ text: String) -> OutputLine {
        OutputLine(weight: text.utf8.count + 1) { $0.append(contentsOf: text.utf8) }
    }

    private func append(_ text: String, to queue: inout LineQueue) -> Bool {
        queue.append { $0.append(contentsOf: text.utf8) }
    }

    /// The lines that wait, as they are written.
    private func lines(_ queue: inout LineQueue) -> [Substring] {
        var taken = LineQueue.Contents()
        queue.takeAll(&taken)
        var bytes: [UInt8] = []
        for line in taken.lines {
            line.write(&bytes)
            bytes.append(UInt8(ascii: "\n"))
        }
        return String(decoding: bytes + taken.text, as: UTF8.self).split(
            separator: "\n",
            omittingEmptySubsequences: false
        )
        .dropLast()
    }

    @Test func `what does not fit is counted and told of`() {
        var queue = LineQueue(limit: 100)
        let long = ["a", "b", "c"].map { String(repeating: $0, count: 60) }
        #expect(append(long[0], to: &queue) && !append(long[1], to: &queue) && !queue.append(line(long[2])))
        #expect(lines(&queue) == [long[0][...], "… 2 lines dropped: nobody read this output"])
        #expect(queue.isEmpty && lines(&queue).isEmpty)
        #expect(append("d", to: &queue) && lines(&queue) == ["d"])
    }

    @Test func `one line may be heavier than the limit`() {
        let text = String(repeating: "a", count: 60)
        var queue = LineQueue(limit: 10)
        #expect(append(text, to: &queue) && !append("b", to: &queue))
        queue = LineQueue(limit: 10)
        #expect(queue.append(line(text)) && !queue.append(line("b")))
    }

    @Test func `lines keep their order, whenever their text is made`() {
        var queue = LineQueue(limit: 1000)
        #expect(append("1", to: &queue) && append("", to: &queue) && queue.append(line("2")))
        #expect(queue.append(line("3")) && append("4", to: &queue))
        #expect(lines(&queue) == ["1", "", "2", "3", "4"])
    }

    @Test func `it is heavy from a quarter of its limit on`() {
        var queue = LineQueue(limit: 40)
        #expect(append("12345", to: &queue) && !queue.isHeavy)
        #expect(queue.append(line("1234")) && queue.isHeavy)
        _ = lines(&queue)
        #expect(!queue.isHeavy)
    }
}
