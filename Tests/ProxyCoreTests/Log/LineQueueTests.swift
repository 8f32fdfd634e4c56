import Testing

@testable import ProxyCore

struct LineQueueTests {
    @Test func `what does not fit is counted and told of`() {
        var queue = LineQueue(limit: 100)
        queue.append(String(repeating: "a", count: 60))
        queue.append(String(repeating: "b", count: 60))
        queue.append(String(repeating: "c", count: 60))
        queue.removeFirst(61)
        #expect(queue.isEmpty)
        queue.append("d")
        #expect(
            String(decoding: queue.prefix(1_000), as: UTF8.self)
                == "… 2 lines dropped: nobody read this output\nd\n"
        )
    }

    @Test func `bytes come out in order, in any portions`() {
        var queue = LineQueue(limit: 50)
        var result: [UInt8] = []
        for number in 0..<100 {
            queue.append("line \(number)")
            let portion = queue.prefix(number % 13)
            result += portion
            queue.removeFirst(portion.count)
            while queue.prefix(50).count > 30 {
                result += queue.prefix(7)
                queue.removeFirst(7)
            }
        }
        result += queue.prefix(50)
        #expect(String(decoding: result, as: UTF8.self) == (0..<100).map { "line \($0)\n" }.joined())
    }
}
