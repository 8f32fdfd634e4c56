import AddonProtocol
import NIOCore

/// All flows of the daemon, active and recently finished, for callers on any loop.
final class FlowTable: Sendable {
    let loops: [FlowLoop]
    private let ids: LoopIDs
    let history: FlowHistory
    let budget: MemoryBudget
    let watch = FlowWatch()

    /// Turns the group's loops into the daemon's.
    init(
        _ group: some EventLoopGroup,
        options: OptionStore,
        material: Published<OptionMaterial>,
        chain: Published<Chain>,
        log: Log
    ) {
        let eventLoops = Array(group.makeIterator())
        let history = FlowHistory(loops: eventLoops.count)
        budget = MemoryBudget(loops: eventLoops.count, history: history)
        ids = LoopIDs(daemonID: String(UInt32.random(in: .min ... .max), radix: 36), loopCount: eventLoops.count)
        loops = eventLoops.enumerated().map { [budget, watch, ids] index, eventLoop in
            FlowLoop(
                eventLoop: eventLoop,
                index: index,
                ids: ids,
                history: history,
                budget: budget,
                watch: watch,
                options: options,
                material: material,
                chain: chain,
                log: log
            )
        }
        self.history = history
    }

    /// Runs `body` on the loop of the flow with this id.
    ///
    /// - Throws: -32004 when there is no such flow, or the error of `body`.
    func with<Value: Sendable>(
        _ id: String,
        _ body: @escaping @Sendable (any LiveFlow, FlowLoop) throws(ProtocolError) -> Value
    ) async throws(ProtocolError) -> Value {
        try await on(loopOf: id) { loop in
            loop.flow(id).map { flow in outcome(of: body, flow, loop) }
        }.get()
    }

    /// Runs `body` on the loop that a flow's or a connection's id names.
    ///
    /// - Parameter body: nil: there is no such flow or connection.
    /// - Throws: -32004 when there is none.
    func on<Value: Sendable>(
        loopOf id: String,
        _ body: @escaping @Sendable (FlowLoop) -> Value?
    ) async throws(ProtocolError) -> Value {
        guard let index = ids.loop(of: id), let value = await loops[index].run(body) else {
            throw ProtocolError(code: ProtocolError.unknownFlow, message: "no flow has the id \(id.debugDescription)")
        }
        return value
    }

    /// Applies `body` to each flow, active or finished, and leaves out nil results.
    func compactMap<Value: Sendable>(_ body: @escaping @Sendable (any LiveFlow) -> Value?) async -> [Value] {
        var result: [Value] = []
        for loop in loops {
            result += await loop.compactMap(await flows(of: loop), body)
        }
        return result
    }

    private func flows(of loop: FlowLoop) async -> [any LiveFlow] {
        await loop.run { loop in Array(loop.flows.values) + loop.endedFlows }
    }

    /// Resumes the flows and connections that only this addon holds.
    func release(_ seat: Seat) {
        for loop in loops {
            loop.eventLoop.execute {
                loop.dispatcher.holds.left(seat)
                for flow in loop.flows.values where flow.control.left(seat) { loop.changed(flow) }
            }
        }
    }
}

extension LoopContext {
    /// Applies `body` to each of the loop's flows, and yields to the loop from time to time.
    func compactMap<Value: Sendable>(
        _ flows: [any LiveFlow],
        _ body: @escaping @Sendable (any LiveFlow) -> Value?
    ) async -> [Value] {
        var (result, rest) = ([Value](), flows[...])
        while !rest.isEmpty {
            let (values, others) = await run { [rest] _ in someOf(rest, compactMap: body) }
            result += values
            rest = others
        }
        return result
    }
}

/// Handles as many flows as fit into a short time, but at least one.
private func someOf<Value>(
    _ flows: ArraySlice<any LiveFlow>,
    compactMap body: (any LiveFlow) -> Value?
) -> (values: [Value], rest: ArraySlice<any LiveFlow>) {
    let end = NIODeadline.now() + Limits.turnOfLongWork
    var (values, rest) = ([Value](), flows)
    repeat {
        guard let flow = rest.popFirst() else { break }
        if let value = body(flow) { values.append(value) }
    } while NIODeadline.now() < end
    return (values, rest)
}

private func outcome<Value: Sendable>(
    of body: @Sendable (any LiveFlow, FlowLoop) throws(ProtocolError) -> Value,
    _ flow: any LiveFlow,
    _ loop: FlowLoop
) -> Result<Value, ProtocolError> {
    do throws(ProtocolError) {
        return .success(try body(flow, loop))
    } catch {
        return .failure(error)
    }
}
