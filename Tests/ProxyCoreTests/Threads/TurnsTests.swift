import NIOConcurrencyHelpers
import Testing

@testable import ProxyCodecs
@testable import ProxyCore

struct TurnsTests {
    private struct Failed: Error {}

    @Test func `a turn begins when the one before it has ended, with its rest`() async {
        let (turns, told) = (Turns(), NIOLockedValueBox<[String]>([]))
        let tell = { @Sendable (word: String) in told.withLockedValue { $0.append(word) } }
        await turns.take {
            tell("first")
            return (
                (),
                {
                    for _ in 0..<100 { await Task.yield() }
                    tell("its rest")
                }
            )
        }
        await turns.take {
            tell("second")
            return ((), {})
        }
        #expect(told.withLockedValue { $0 } == ["first", "its rest", "second"])
    }

    @Test func `one that fails holds up nobody`() async throws {
        let turns = Turns()
        await #expect(throws: Failed.self) {
            try await turns.take { () throws(Failed) -> ((), Turns.Rest) in throw Failed() }
        }
        #expect(await turns.take { (3, {}) } == 3)
    }

    @Test func `many at once are one at a time`() async {
        let (turns, running) = (Turns(), NIOLockedValueBox(0))
        let most = await withTaskGroup(of: Int.self) { group in
            for _ in 0..<50 {
                group.addTask {
                    await turns.take {
                        let others = running.withLockedValue { running in
                            running += 1
                            return running
                        }
                        await Task.yield()
                        running.withLockedValue { $0 -= 1 }
                        return (others, {})
                    }
                }
            }
            return await group.reduce(0) { max($0, $1) }
        }
        #expect(most == 1)
    }
}
