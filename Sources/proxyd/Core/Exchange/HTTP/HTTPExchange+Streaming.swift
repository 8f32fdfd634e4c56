import AddonProtocol
import NIOCore
import ProxyCodecs

/// Decides which bodies are streamed, and what addons see of them.
extension HTTPExchange {
    private var plan: DispatchPlan { loop.dispatcher.plan }

    // MARK: Before the addons decide

    /// How a body is forwarded unless an addon decides otherwise at its headers event.
    struct StreamProposal {
        var mode = StreamMode.off
        /// Why it passes by addons that would hold it.
        var rule: StreamRule?
    }

    /// Decides how the request's body is forwarded, before its headers event.
    func proposeRequestStream() -> StreamProposal {
        guard !clientSide.requestIsRead else { return StreamProposal() }
        let proposal = proposal(for: .request, flow.request.headers, clientSide.requestLength)
        flow.requestStream = proposal.mode
        return proposal
    }

    /// Decides how the response's body is forwarded, before its headers event.
    func proposeResponseStream(_ length: BodyLength) -> StreamProposal {
        guard length != .none, let headers = flow.response?.headers else { return StreamProposal() }
        let proposal = proposal(for: .response, headers, length)
        flow.responseStream = proposal.mode
        return proposal
    }

    private func proposal(for event: Event, _ headers: HeaderFields, _ length: BodyLength) -> StreamProposal {
        guard !plan.isEmpty else { return StreamProposal() }
        if options.streamTypes.match(headers) { return StreamProposal(mode: streamMode(for: event), rule: .type) }
        if case .known(let length) = length, let rule = largeness(of: length) {
            if rule == .holdLimit { warnOfUnseen(event, length) }
            return StreamProposal(mode: streamMode(for: event), rule: rule)
        }
        if hasNoRoom(for: length, at: event) {
            noteLackOfMemory(at: event)
            return StreamProposal(mode: streamMode(for: event), rule: .memoryLimit)
        }
        let showsChunks = plan.streamsBody(for: event, of: flow) && !plan.holdsBody(for: event, of: flow)
        return StreamProposal(mode: showsChunks ? .events : .off)
    }

    private func largeness(of length: UInt64) -> StreamRule? {
        if length > UInt64(options.holdLimit) { return .holdLimit }
        return length > options.streamLargeBodies.map(UInt64.init) ?? .max ? .large : nil
    }

    /// Whether the body should be held, but there is no memory for it.
    private func hasNoRoom(for length: BodyLength, at event: Event) -> Bool {
        switch length {
        case .none: false
        case .known(let length): !loop.hasRoom(forHeld: Int(clamping: length)) && plan.holdsBody(for: event, of: flow)
        case .unknown: !loop.hasRoom(for: 0) && plan.holdsBody(for: event, of: flow)
        }
    }

    /// Warns, once a minute, that bodies are streamed for lack of memory.
    func noteLackOfMemory(at event: Event) {
        guard loop.notices.isDue("memory_limit") else { return }
        let names = plan.namesOfHolders(of: event, flow).joined(separator: ", ")
        let limit = ByteSize.format(options.memoryLimitInForce)
        services.log.warn(
            "\(names) not shown the \(event.rawValue) body: memory_limit (\(limit)) is used up",
            flow: flow.id
        )
    }

    /// Warns, once for each addon and host, that a body is too large to be shown.
    private func warnOfUnseen(_ event: Event, _ length: UInt64) {
        guard plan.holdsBody(for: event, of: flow) else { return }
        for name in plan.namesOfHolders(of: event, flow) where loop.isFirst("\(name) \(flow.request.host)") {
            services.log.warn(
                "\(name) was not shown a body of \(ByteSize.format(Int(clamping: length))) of "
                    + "\(flow.request.host): larger than hold_limit",
                flow: flow.id
            )
        }
    }

    /// How a body that is not held is forwarded.
    func streamMode(for event: Event) -> StreamMode {
        plan.streamsBody(for: event, of: flow) ? .events : .on
    }

    // MARK: At its event

    /// Where a body is when its `request` or `response` event comes.
    enum BodyCourse {
        /// Complete in memory.
        case held
        /// Still to come. These addons decide by the head alone; the others are notified after the body has passed.
        case decided([DispatchPlan.Subscriber])
        /// Already forwarded.
        case passed
    }

    var requestCourse: BodyCourse {
        clientSide.requestIsRead ? .held : course(of: .request, flow.requestStream)
    }

    /// Where the response's body is when its event comes.
    func responseCourse(_ length: BodyLength) -> BodyCourse {
        if length == .none, plan[.response] != nil { return .held }
        return course(of: .response, flow.responseStream)
    }

    private func course(of event: Event, _ mode: StreamMode) -> BodyCourse {
        if mode == .off, plan.holdsBody(for: event, of: flow) { return .held }
        let deciders = plan.headDeciders(of: event, flow)
        return deciders.isEmpty ? .passed : .decided(deciders)
    }

    // MARK: While the body is held

    /// Why to stop holding a body of which so much has arrived; nil means to go on. A large body of known length was
    /// already streamed from the start, unless an addon wants it held all the same.
    func ruleAgainstHolding(_ count: Int, _ length: BodyLength) -> StreamRule? {
        if exceedsHold(count, length) { return .holdLimit }
        return count > Limits.smallContentBytes && !loop.hasRoom(for: 0) ? .memoryLimit : nil
    }

    /// Whether so much of a body is too much to keep waiting for its end.
    func exceedsHold(_ count: Int, _ length: BodyLength) -> Bool {
        let limit = length == .unknown ? options.streamLargeBodies ?? .max : .max
        return count > min(limit, options.holdLimit)
    }

    /// Refuses a body that would pass a binding addon unseen, unless an addon chose that itself.
    func checkGuardian(of event: Event, _ proposal: StreamProposal, _ mode: StreamMode) throws(FlowError) {
        guard let rule = proposal.rule, mode == proposal.mode else { return }
        try checkGuardian(of: event, rule)
    }

    func checkGuardian(of event: Event, _ rule: StreamRule) throws(FlowError) {
        guard flow.failure == nil, let name = plan.guardian(of: event, flow) else { return }
        let message = "the \(event.rawValue) body may not pass addon \(name) unseen (on_failure closed), and \(rule)"
        guard rule != .memoryLimit else { throw FlowError(.memoryLimit, message) }
        throw FlowError(.bodyTooLarge, message, status: event == .request ? 413 : 502)
    }

    // MARK: While the body is streamed

    /// Shows the body to addons in chunks; nil when no addon wants them.
    func bodyChunks(_ event: Event, _ mode: StreamMode) -> BodyChunks? {
        guard mode == .events, plan[event] != nil else { return nil }
        return BodyChunks(event, of: flow, loop.dispatcher, on: loop, interruption)
    }

    /// Takes the held part from a body that is now streamed.
    func takeHeld(_ body: inout Body) -> ByteBuffer? {
        guard !body.isComplete, let held = body.bytes else { return nil }
        body.bytes = nil
        return held.readableBytes > 0 ? held : nil
    }

    /// - Parameter isDue: whether `request` is still due for any addon.
    func requestKeeper(isDue: Bool) -> BodyKeeper {
        let usual = keptBytes(for: .request, isDue: isDue)
        guard plan.keepsRequest(of: flow), hasRoomToKeep(clientSide.requestLength) else {
            return BodyKeeper(usual, on: loop)
        }
        return BodyKeeper(options.holdLimit, on: loop)
    }

    /// Room for a body of unknown length is checked as it arrives.
    private func hasRoomToKeep(_ length: BodyLength) -> Bool {
        guard case .known(let length) = length else { return true }
        return loop.hasRoom(forHeld: min(Int(clamping: length), options.holdLimit))
    }

    /// - Parameter isDue: whether `response` is still due for any addon.
    func responseKeeper(isDue: Bool) -> BodyKeeper {
        BodyKeeper(keptBytes(for: .response, isDue: isDue), on: loop)
    }

    private func keptBytes(for event: Event, isDue: Bool) -> Int {
        let told = isDue ? plan.keptBytes(for: event, of: flow, copyLimit: options.copyLimit) : 0
        let kept = min(max(told, FlowPrinter.keptBytes(options.flowDetail)), options.holdLimit)
        return loop.hasRoom(forContent: kept) ? kept : 0
    }

    // MARK: Chunks of held bodies

    /// Shows a held request in chunks to the addons that want chunks.
    @inline(__always)
    func showHeldRequest() async throws(FlowError) {
        guard flow.requestStream == .off, plan.streamsBody(for: .request, of: flow), flow.request.body.size > 0 else {
            return
        }
        flow.request.body = try await shown(flow.request.body, .requestData)
    }

    /// Shows a held response in chunks to the addons that want chunks.
    @inline(__always)
    func showHeldResponse() async throws(FlowError) {
        guard flow.responseStream == .off, plan.streamsBody(for: .response, of: flow) else { return }
        guard let body = flow.response?.body, body.size > 0 else { return }
        // In two steps, since a direct assignment to `response?.body` would have exclusive access to the response
        // during the wait, when its memory is counted.
        let made = try await shown(body, .responseData)
        flow.response?.body = made
    }

    /// Returns what addons make of a complete body, shown in chunks.
    private func shown(_ body: Body, _ event: Event) async throws(FlowError) -> Body {
        guard body.isComplete, let bytes = body.bytes, let chunks = bodyChunks(event, .events) else { return body }
        var result = ByteBuffer()
        for chunk in try await chunks.pass(bytes) { result.writeImmutableBuffer(chunk) }
        for chunk in try await chunks.end() { result.writeImmutableBuffer(chunk) }
        return .whole(result)
    }
}
