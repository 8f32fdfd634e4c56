import NIOCore

/// A loop with its flows: the active ones, how they end, and who hears of their events.
final class FlowLoop: LoopContext, @unchecked Sendable {
    let dispatcher: Dispatcher
    @exclusivity(unchecked) var flows: [String: any LiveFlow] = [:]
    /// What has changed in the flows, for those that watch them.
    let changes: FlowChanges
    /// The bytes of messages that active flows keep.
    @exclusivity(unchecked) var keptMessageBytes = 0
    private let history: FlowHistory

    /// - Parameter index: the loop's number, which keeps ids unique across loops.
    init(
        eventLoop: any EventLoop,
        index: Int,
        daemonID: String,
        history: FlowHistory,
        budget: MemoryBudget,
        watch: FlowWatch,
        options: OptionStore,
        chain: Published<Chain>,
        log: Log
    ) {
        self.history = history
        changes = FlowChanges(watch.sequence, budget.ledgers[index])
        dispatcher = Dispatcher(chain, on: eventLoop, changes: changes, log: log)
        super.init(eventLoop: eventLoop, index: index, daemonID: daemonID, budget: budget, options: options)
    }

    /// - Parameter onKill: closes both sides of the flow, so that it ends with this error.
    func begin(_ flow: any LiveFlow, onKill: @escaping (FlowError) -> Void) {
        assertOnLoop(eventLoop)
        flows[flow.id] = flow
        flow.control.begin(onKill: onKill)
        noteChange(of: flow)
    }

    /// Removes a flow that has had its last event.
    func end(_ flow: any LiveFlow) {
        assertOnLoop(eventLoop)
        flows[flow.id] = nil
        flow.control.end()
        flow.close()
        if changes.isWatched { changes.noteEnd(of: flow) }
        keptMessageBytes -= flow.keptMessageBytes
        history.add(flow, on: self, limit: options.flowHistory, byteLimit: options.flowHistorySize)
        countNoMore(flow)
    }

    /// Those that watch flows are to be told of this one. Costs the look at a flag while nobody does.
    func noteChange(of flow: any LiveFlow) { dispatcher.noteChange(of: flow) }

    /// Handles a change from outside the flow's own events.
    func changed(_ flow: any LiveFlow) { dispatcher.changed(flow) }

    /// Counts the memory of a flow again, active or finished, after a change from outside its events.
    func recount(_ flow: any LiveFlow) {
        if flows[flow.id] != nil { return count(flow) }
        history.recount(flow, byteLimit: options.flowHistorySize)
    }
}
