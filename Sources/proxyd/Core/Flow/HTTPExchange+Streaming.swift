import AddonProtocol
import NIOCore

/// Which bodies are not held, and what addons see of them.
extension HTTPExchange {
    private var plan: DispatchPlan { loop.dispatcher.plan }

    // MARK: Before the addons decide

    /// How the request goes by unless an addon says otherwise at `requestheaders`.
    func proposeRequestStream() -> StreamMode {
        flow.requestStream = proposed(for: .request, isEndless: false, clientSide.requestLength)
        return flow.requestStream
    }

    /// How the response goes by unless an addon says otherwise at `responseheaders`.
    func proposeResponseStream(_ length: BodyLength) -> StreamMode {
        flow.responseStream = proposed(for: .response, isEndless: isEventStream, length)
        return flow.responseStream
    }

    private func proposed(for event: Event, isEndless: Bool, _ length: BodyLength) -> StreamMode {
        if isEndless || isLarge(length) { return streamMode(for: event) }
        return plan.streamsBody(for: event, of: flow) && !plan.holdsBody(for: event, of: flow) ? .events : .off
    }

    /// How a body goes by that is not held.
    func streamMode(for event: Event) -> StreamMode {
        plan.streamsBody(for: event, of: flow) ? .events : .on
    }

    private func isLarge(_ length: BodyLength) -> Bool {
        guard case .known(let length) = length, let limit = options.streamLargeBodies else {
            return false
        }
        return length > UInt64(limit)
    }

    /// Server-sent events have no end that could be waited for.
    private var isEventStream: Bool {
        let type = flow.response?.headers.first("content-type")?.prefix { $0 != UInt8(ascii: ";") }
        return type.map { isEqual($0.trimmingOptionalWhitespace(), ignoringCase: "text/event-stream") } ?? false
    }

    // MARK: While it is held

    /// Whether what is held of a body that does not say its length is too much to wait for its end.
    func exceedsHold(_ held: ByteBuffer, _ length: BodyLength) -> Bool {
        if case .known = length { return false }
        return held.readableBytes > min(options.streamLargeBodies ?? .max, options.holdLimit)
    }

    /// Refuses what would pass an addon unseen that must see all.
    func checkGuardian(of event: Event, _ reason: String) throws(FlowError) {
        guard flow.failure == nil, let name = plan.guardian(of: event, flow) else { return }
        throw FlowError(
            .bodyTooLarge,
            "the \(event.rawValue) body may not pass addon \(name) unseen (on_failure closed), and \(reason)",
            status: event == .request ? 413 : 502
        )
    }

    // MARK: While it goes by

    /// What shows the body to addons chunk by chunk; nil when nobody is shown it.
    func bodyChunks(_ event: Event, _ mode: StreamMode) -> BodyChunks? {
        guard mode == .events, plan[event] != nil else { return nil }
        return BodyChunks(event, of: flow, loop.dispatcher, on: loop, interruption)
    }

    /// Takes what was held out of a body that is passed on.
    func takeHeld(_ body: inout Body) -> ByteBuffer? {
        guard !body.isComplete, let held = body.bytes else { return nil }
        body.bytes = nil
        return held
    }

    /// Keeps as much from the start of a passed-on body as previews want.
    func keepPreview(of part: ByteBuffer, in body: inout Body, for event: Event) {
        let wanted = min(plan.previewBytes(for: event, of: flow), options.holdLimit)
        var kept = body.bytes ?? ByteBuffer()
        guard kept.readableBytes < wanted else { return }
        let length = min(wanted - kept.readableBytes, part.readableBytes)
        if let start = part.getSlice(at: part.readerIndex, length: length) { kept.writeImmutableBuffer(start) }
        body.bytes = kept
    }

    // MARK: When it was held for others

    func showHeldRequest() async throws(FlowError) {
        guard flow.requestStream == .off, plan.streamsBody(for: .request, of: flow), flow.request.body.size > 0 else {
            return
        }
        flow.request.body = try await shown(flow.request.body, .requestData)
    }

    func showHeldResponse() async throws(FlowError) {
        guard flow.responseStream == .off, plan.streamsBody(for: .response, of: flow) else { return }
        guard let body = flow.response?.body, body.size > 0 else { return }
        flow.response?.body = try await shown(body, .responseData)
    }

    /// What addons make of a body that is all there, chunk by chunk.
    private func shown(_ body: Body, _ event: Event) async throws(FlowError) -> Body {
        guard body.isComplete, let bytes = body.bytes, let chunks = bodyChunks(event, .events) else { return body }
        var result = ByteBuffer()
        for chunk in try await chunks.pass(bytes) { result.writeImmutableBuffer(chunk) }
        for chunk in try await chunks.end() { result.writeImmutableBuffer(chunk) }
        return .whole(result)
    }
}
