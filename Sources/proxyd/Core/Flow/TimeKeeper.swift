import NIOCore

/// Ends what takes longer than the options allow: silent connections, heads that do not end, requests and flows.
///
/// It looks at all of them from time to time, so that none of them costs a timer. Confined to its loop.
final class TimeKeeper: @unchecked Sendable {
    private let loop: FlowLoop
    private var nextIdleCheck = NIODeadline.now() + Limits.idleCheck

    init(_ loop: FlowLoop) {
        self.loop = loop
    }

    func start() {
        loop.eventLoop.execute { self.lookLater() }
    }

    private func lookLater() {
        loop.eventLoop.assumeIsolated().scheduleTask(in: Self.period(loop.options)) { self.look() }
    }

    /// Often enough that nothing lasts much longer than it may.
    static func period(_ options: OptionSnapshot) -> TimeAmount {
        let shortest = [options.headTimeout, options.requestTimeout, options.flowTimeout].compactMap(\.self).min()
        return min(shortest.map { .milliseconds(Int64($0) * 250) } ?? Limits.idleCheck, Limits.idleCheck)
    }

    private func look() {
        let options = loop.options
        checkIdle(options)
        loop.endHeads(after: .seconds(Int64(options.headTimeout)))
        if options.requestTimeout != nil || options.flowTimeout != nil { endFlows(options) }
        lookLater()
    }

    /// What a slow peer takes shows in bursts, so that this is looked at less often; and the kernel is asked.
    private func checkIdle(_ options: OptionSnapshot) {
        guard NIODeadline.now() >= nextIdleCheck else { return }
        nextIdleCheck = .now() + Limits.idleCheck
        loop.closeIdle(after: .seconds(Int64(options.tcpTimeout)))
    }

    private func endFlows(_ options: OptionSnapshot) {
        let now = NIODeadline.now()
        for flow in Array(loop.flows.values) {
            let age = flow.control.age(at: now)
            if let error = flow.timeout(at: age, options) { flow.control.expire(error) }
        }
    }
}

extension LiveFlow {
    /// Why a flow of this age is over.
    fileprivate func timeout(at age: TimeAmount, _ options: OptionSnapshot) -> FlowError? {
        if let seconds = options.flowTimeout, age >= .seconds(Int64(seconds)) {
            return FlowError(.timeout, "the flow took longer than flow_timeout, \(seconds) s")
        }
        guard let seconds = options.requestTimeout, age >= .seconds(Int64(seconds)), isAwaitingRequest else {
            return nil
        }
        return FlowError(.timeout, "the request took longer than request_timeout, \(seconds) s", status: 408)
    }

    /// Whether the client has not sent all of its request, and no addon is why.
    private var isAwaitingRequest: Bool {
        guard let flow = self as? HTTPFlow, flow.madeBy == nil else { return false }
        return flow.request.timestampEnd == nil && flow.request.method != "CONNECT" && flow.waitingFor == nil
            && !flow.control.isIntercepted
    }
}
