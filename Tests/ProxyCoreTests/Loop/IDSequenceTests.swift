import Testing

@testable import ProxyCore

struct IDSequenceTests {
    @Test func `the number is that of base 36`() {
        var ids = IDSequence(prefix: "x9z")
        for number in 1...50_000 {
            let id = ids.next()
            guard id != "x9z" + String(number, radix: 36) else { continue }
            Issue.record("\(number) is \(id)")
            return
        }
    }
}
