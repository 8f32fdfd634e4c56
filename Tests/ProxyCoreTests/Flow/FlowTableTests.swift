import AddonProtocol
import Dispatch
import Glibc
import NIOCore
import NIOPosix
import Testing

@testable import ProxyCodecs
@testable import ProxyCore

#if !SANITIZE_THREAD
import Synchronization
#endif

struct FlowTableTests {
    /// A flow on each of two loops; the one on the second ends while the first is asked for its flows.
    @Test func `a flow that ends while the loops are asked one after the other is among what they have`() async throws {
        let group = MultiThreadedEventLoopGroup(numberOfThreads: 2)
        let table = try FlowTable(alone: group)
        let (first, second) = (table.loops[0], table.loops[1])
        let staying = await begun(on: first)
        let ending = await begun(on: second)
        let found = await table.compactMap { flow in
            if flow.id == staying { end(ending, on: second) }
            return flow.id
        }
        #expect(found == [staying, ending])
        try await group.shutdownGracefully()
    }

    @Test func `a loop goes on with other things between flows that take long`() async throws {
        let group = MultiThreadedEventLoopGroup(numberOfThreads: 1)
        let table = try FlowTable(alone: group)
        let loop = table.loops[0]
        for _ in 0..<3 { _ = await begun(on: loop) }
        let turns = Mutex<[String]>([])
        _ = await table.compactMap { flow in
            turns.withLock { $0.append("flow") }
            loop.eventLoop.execute { turns.withLock { $0.append("other") } }
            usleep(1_000)
            return flow.id
        }
        #expect(turns.withLock { $0.prefix(5) } == ["flow", "other", "flow", "other", "flow"])
        try await group.shutdownGracefully()
    }

    /// The other loop does nothing until the flow has been found on its own.
    @Test func `a flow is found without asking other loops`() async throws {
        let group = MultiThreadedEventLoopGroup(numberOfThreads: 2)
        let table = try FlowTable(alone: group)
        let (first, second) = (table.loops[0], table.loops[1])
        let live = await begun(on: second)
        let ended = await begun(on: second)
        end(ended, on: second)
        let found = DispatchSemaphore(value: 0)
        first.eventLoop.execute { found.wait() }
        for id in [live, ended] {
            #expect(try await table.with(id) { flow, loop in flow.id == id && loop === second })
        }
        let other = String(live.dropLast()) + "zzz"
        await #expect(throws: ProtocolError.self) { try await table.with(other) { _, _ in } }
        found.signal()
        try await group.shutdownGracefully()
    }

    @Test func `what is no id of the daemon names no flow`() async throws {
        let table = try FlowTable(alone: MultiThreadedEventLoopGroup.singleton)
        for id in ["", "none", "é"] {
            await #expect(throws: ProtocolError(code: -32004, message: "no flow has the id \(id.debugDescription)")) {
                try await table.with(id) { _, _ in }
            }
        }
    }

    private func begun(on loop: FlowLoop) async -> String {
        await loop.run { loop in
            let flow = HTTPFlow(ownRequest: .blank, nil, of: "a", on: loop)
            loop.begin(flow) { _ in }
            return flow.id
        }
    }

    /// Ends a flow from another loop, which waits meanwhile.
    private func end(_ id: String, on loop: FlowLoop) {
        let done = DispatchSemaphore(value: 0)
        loop.eventLoop.execute {
            if let flow = loop.flows[id] { loop.end(flow) }
            done.signal()
        }
        done.wait()
    }
}
