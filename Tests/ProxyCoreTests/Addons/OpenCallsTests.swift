import NIOCore
import NIOPosix
import Testing

@testable import ProxyCodecs
@testable import ProxyCore

struct OpenCallsTests {
    @Test func `who waits goes on when the last call is answered`() async throws {
        let order = try await waiting { calls, loop, note in
            calls.begin()
            calls.begin()
            loop.start {
                await calls.untilAnswered(within: .minutes(1), on: loop)
                note("over")
            }
            note("waits")
            calls.end()
            note("one is left")
            calls.end()
        }
        #expect(order == ["waits", "one is left", "over"])
    }

    @Test func `who waits does not when there is none, and not for ever`() async throws {
        let order = try await waiting { calls, loop, note in
            await calls.untilAnswered(within: .minutes(1), on: loop)
            note("none")
            calls.begin()
            await calls.untilAnswered(within: .milliseconds(1), on: loop)
            note("over")
        }
        #expect(order == ["none", "over"])
    }

    private final class Notes: @unchecked Sendable {
        var all: [String] = []
    }

    private func waiting(
        _ story: @escaping @Sendable (OpenCalls, LoopContext, @escaping @Sendable (String) -> Void) async -> Void
    ) async throws -> [String] {
        let loop = try FlowTable(alone: MultiThreadedEventLoopGroup.singleton).loops[0]
        let notes = Notes()
        await loop.perform { await story(OpenCalls(), loop) { notes.all.append($0) } }
        return await loop.run { _ in notes.all }
    }
}
