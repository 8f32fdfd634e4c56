import AddonProtocol

/// What the plan says about flows, given how filters will see each at the event.
extension DispatchPlan {
    func holdsBody(for event: Event, of flow: HTTPFlow) -> Bool {
        holdsBody(for: event, of: flow, as: HTTPFlowView(flow: flow, awaiting: event))
    }

    func namesOfHolders(of event: Event, _ flow: HTTPFlow) -> [String] {
        namesOfHolders(of: event, flow, as: HTTPFlowView(flow: flow, awaiting: event))
    }

    func headDeciders(of event: Event, _ flow: HTTPFlow) -> [Subscriber] {
        headDeciders(of: event, flow, as: HTTPFlowView(flow: flow, awaiting: event))
    }

    func keptBytes(for event: Event, of flow: HTTPFlow, copyLimit: Int) -> Int {
        keptBytes(for: event, of: flow, as: HTTPFlowView(flow: flow, awaiting: event), copyLimit: copyLimit)
    }

    func keepsRequest(of flow: HTTPFlow) -> Bool {
        keepsRequest(of: flow, as: HTTPFlowView(flow: flow, awaiting: .request))
    }

    func wantsMessage(of flow: WebSocketFlow) -> Bool {
        wantsMessage(of: flow, as: WebSocketFlowView(flow: flow, message: nil, isAwaiting: true))
    }
}
