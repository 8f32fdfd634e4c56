import Testing

@testable import ProxyCodecs
@testable import ProxyCore

struct LineQueueTests {
    private func texts(_ queue: inout LineQueue) -> [String] {
        var lines: [OutputLine] = []
        queue.takeAll(&lines)
        return lines.map { line in
            var bytes: [UInt8] = []
            line.write(&bytes)
            return String(decoding: bytes, as: UTF8.self)
        }
    }

    @Test func `what does not fit is counted and told of`() {
        var queue = LineQueue(limit: 100)
        for letter in ["a", "b", "c"] { _ = queue.append(OutputLine(String(repeating: letter, count: 60))) }
        #expect(
            texts(&queue) == [String(repeating: "a", count: 60), "… 2 lines dropped: nobody read this output"]
        )
        #expect(queue.isEmpty && texts(&queue).isEmpty)
        _ = queue.append(OutputLine("d"))
        #expect(texts(&queue) == ["d"])
    }

    @Test func `one line may be heavier than the limit`() {
        var queue = LineQueue(limit: 10)
        let fits = [String(repeating: "a", count: 60), "b"].map { queue.append(OutputLine($0)) }
        #expect(fits == [true, false])
    }
}
