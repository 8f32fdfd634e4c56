import NIOCore

/// Ends whatever exceeds the options' time limits: silent connections, incomplete heads, requests and flows.
///
/// It checks all of them periodically, so that none needs its own timer. Confined to its loop.
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

    /// Short enough that nothing exceeds its limit by much.
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

    /// Checked less often than the rest, because slow peers take data in bursts and each check asks the kernel.
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
    /// The error that ends a flow of this age; nil when it may go on.
    fileprivate func timeout(at age: TimeAmount, _ options: OptionSnapshot) -> FlowError? {
        if let seconds = options.flowTimeout, age >= .seconds(Int64(seconds)) {
            return FlowError(.timeout, "the flow took longer than flow_timeout (\(seconds) s)")
        }
        guard let seconds = options.requestTimeout, age >= .seconds(Int64(seconds)), isAwaitingRequest else {
            return nil
        }
        return FlowError(.timeout, "the request took longer than request_timeout (\(seconds) s)", status: 408)
    }

    /// Whether the request is incomplete because of the client, rather than an addon.
    private var isAwaitingRequest: Bool {
        guard let flow = self as? HTTPFlow, flow.madeBy == nil else { return false }
        return flow.request.timestampEnd == nil && flow.request.method != "CONNECT" && flow.waitingFor == nil
            && !flow.control.isIntercepted
    }
}
