import AddonProtocol
import NIOCore
import Testing

@testable import ProxyCodecs
@testable import ProxyCore

struct FlowChangesTests {
    private func flow(pathBytes: Int = 1, on loop: FlowLoop) -> HTTPFlow {
        var request = HTTPRequest.blank
        request.path = [UInt8](repeating: UInt8(ascii: "/"), count: pathBytes)
        return HTTPFlow(ownRequest: request, nil, of: "a", on: loop)
    }

    /// Changes with one watcher, on the loop.
    private func watched(
        _ filter: String? = nil,
        _ body: @escaping @Sendable (FlowChanges, FlowLoop) throws -> Void
    ) async throws {
        try await Bench.run { bench in
            _ = try await bench.addon("watcher", [], [])
            let session = try #require(bench.host.members.last?.session)
            let own = try filter.map { text in try AddonFilter(parsing: text, nil) }
            let watcher = FlowWatch.Watcher(session: session, filter: own, redaction: nil)
            let result = await bench.loop.run { loop in
                loop.changes.watch([watcher])
                return Result { try body(loop.changes, loop) }
            }
            try result.get()
        }
    }

    @Test func `a flow under way is told of once, however often it has changed`() async throws {
        try await watched { changes, loop in
            let flow = flow(on: loop)
            loop.begin(flow) { _ in }
            loop.noteChange(of: flow)
            let before = flow.control.changedAt
            loop.noteChange(of: flow)
            #expect(flow.control.changedAt > before)
            #expect(changes.take().changed.map(\.id) == [flow.id])
            #expect(changes.take().changed.isEmpty)
            loop.end(flow)
        }
    }

    @Test func `of a flow that has ended the row is kept, and no longer the flow`() async throws {
        try await watched { changes, loop in
            let flow = flow(on: loop)
            loop.begin(flow) { _ in }
            loop.end(flow)
            #expect(loop.memory[.notifications] > 0)
            let taken = changes.take()
            #expect(taken.changed.isEmpty && taken.ended.map(\.json["state"]) == ["done"])
            #expect(loop.memory[.notifications] == 0)
        }
    }

    @Test func `what matches nobody's filter is not kept`() async throws {
        try await watched("~u wanted") { changes, loop in
            let flow = flow(on: loop)
            loop.begin(flow) { _ in }
            loop.end(flow)
            #expect(changes.take().ended.isEmpty)
        }
    }

    @Test func `rows that are too many are left out, which is told`() async throws {
        try await watched { changes, loop in
            for _ in 0..<100 {
                let flow = flow(pathBytes: 60_000, on: loop)
                loop.begin(flow) { _ in }
                loop.end(flow)
            }
            #expect(loop.memory[.notifications] <= Limits.endedRowBytes)
            let taken = changes.take()
            #expect(taken.isIncomplete && taken.ended.count > 50 && taken.ended.count < 100)
            #expect(!changes.take().isIncomplete)
        }
    }

    @Test func `once nobody watches nothing is noted`() async throws {
        try await watched { changes, loop in
            changes.watch([])
            let flow = flow(on: loop)
            loop.begin(flow) { _ in }
            loop.noteChange(of: flow)
            loop.end(flow)
            let taken = changes.take()
            #expect(taken.changed.isEmpty && taken.ended.isEmpty && flow.control.changedAt == 0)
        }
    }
}
