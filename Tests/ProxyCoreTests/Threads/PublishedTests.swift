import Testing

@testable import ProxyCodecs
@testable import ProxyCore

struct PublishedTests {
    @Test func `a copy is made once, and anew after a change`() {
        let published = Published("a")
        var copy = Published<String>.Copy<String>()
        var made = 0
        func read() -> String {
            published.read(&copy) { value in
                made += 1
                return value.uppercased()
            }
        }
        #expect([read(), read()] == ["A", "A"])
        #expect(made == 1)
        published.change { $0 = "b" }
        #expect([read(), read(), published.current] == ["B", "B", "b"])
        #expect(made == 2)
    }

    @Test func `however many changes there are, one copy is made when it is needed`() {
        let published = Published([Int]())
        var copy = Published<[Int]>.Copy<[Int]>()
        var made = 0
        for number in 0..<1000 { published.change { $0.append(number) } }
        for _ in 0..<2 {
            let read = published.read(&copy) { value in
                made += 1
                return value
            }
            #expect(read == Array(0..<1000))
        }
        #expect(made == 1)
    }

    @Test func `a change that fails keeps what it has done to the value`() {
        struct Refused: Error {}
        let published = Published([1])
        var copy = Published<[Int]>.Copy<[Int]>()
        _ = published.read(&copy) { $0 }
        #expect(throws: Refused.self) {
            try published.change { value throws(Refused) in
                value.append(2)
                throw Refused()
            }
        }
        #expect(published.read(&copy) { $0 } == published.current)
    }
}
