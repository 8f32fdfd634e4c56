import AddonProtocol
import NIOCore
import ProxyCodecs

/// The path of the response, from the server to the client, held in memory or streamed.
extension HTTPExchange {
    /// Reads the head of the final response, and forwards interim ones as they arrive (RFC 9110, section 15.2).
    func readHead(from server: any ServerSide) async throws(FlowError) -> ResponseHead {
        while true {
            let head = try await server.nextHead()
            guard (100..<200).contains(head.status), head.status != 101 else { return head }
            if head.status == 100 {
                guard awaitsContinue else { continue }
                isContinued = true
            }
            clientSide.send(interim: head)
            try await clientSide.flush()
        }
    }

    // MARK: Body

    /// Reads the response to its end, or until it cannot be held any longer.
    ///
    /// - Returns: whether it is complete.
    func holdResponse(from server: any ServerSide, _ length: BodyLength) async throws(FlowError) -> Bool {
        try checkLength(length, of: "response", status: 502)
        let patience = length == .unknown ? options.holdIdle.response : nil
        var hold = BodyHold(loop.memory)
        defer { hold.end() }
        while true {
            switch try await nextResponsePart(from: server, within: patience) {
            case .data(let part):
                hold.take(part)
                guard let rule = ruleAgainstHolding(hold.bytes.readableBytes, length) else { continue }
                try letGo(hold.bytes, rule)
                return false
            case .end:
                flow.response?.body.bytes = hold.bytes
                flow.response?.body.isComplete = true
                loop.count(flow)
                return true
            case nil:
                try letGo(hold.bytes, .holdIdle(seconds: options.holdIdle.response))
                return false
            }
        }
    }

    private func letGo(_ held: ByteBuffer, _ rule: StreamRule) throws(FlowError) {
        if rule == .memoryLimit { noteLackOfMemory(at: .response) }
        try checkGuardian(of: .response, rule)
        flow.responseStream = streamMode(for: .response)
        flow.response?.body.bytes = held
        loop.count(flow)
    }

    /// Streams the response, starting with what has been held.
    func passOnResponse(from server: any ServerSide, _ length: BodyLength) async throws(FlowError) {
        guard var body = flow.response?.body else { return }
        try checkLength(length, of: "response", status: 502)
        let chunks = length == .none ? nil : bodyChunks(.responseData, flow.responseStream)
        var keeper = responseKeeper(isDue: !hasFiredResponse)
        let held = takeHeld(&body)
        flow.response?.body = body
        let present = try presentParts(from: server)
        guard let response = flow.response else { return }
        flow.responseIsSent = true
        clientSide.send(response, chunks?.length ?? length.outgoing)
        if let held {
            try await pass(held, chunks, &keeper)
            loop.count(flow)
        }
        var isEnded = false
        for part in present { isEnded = try await pass(part, chunks, &keeper) }
        if !isEnded { try await clientSide.flush() }
        while !isEnded {
            guard let part = try await nextResponsePart(from: server) else { continue }
            isEnded = try await pass(part, chunks, &keeper)
            if !isEnded { try await clientSide.flush() }
        }
        for chunk in try await chunks?.end() ?? [] { passOn(chunk, &keeper) }
        flow.response?.body.passedOn(chunks?.byteCount)
        clientSide.sendEnd(trailers: flow.response?.trailers)
        try await clientSide.flush()
    }

    /// The parts of the body that have already arrived. If they are malformed, the client's response has not begun, so
    /// it can still be told why. If the response breaks off, what has arrived is forwarded.
    private func presentParts(from server: any ServerSide) throws(FlowError) -> [BodyPart] {
        var parts: [BodyPart] = []
        // Room for a short body: its data and its end.
        parts.reserveCapacity(2)
        do {
            while let part = try note(server.presentResponsePart()) {
                parts.append(part)
                if case .end = part { break }
            }
        } catch {
            if parts.isEmpty || error.kind != .serverDisconnected { throw error }
        }
        return parts
    }

    /// - Returns: whether it was the end.
    @inline(__always)
    private func pass(
        _ part: BodyPart,
        _ chunks: BodyChunks?,
        _ keeper: inout BodyKeeper
    ) async throws(FlowError) -> Bool {
        guard case .data(let data) = part else { return true }
        try await pass(data, chunks, &keeper)
        return false
    }

    @inline(__always)
    private func pass(
        _ data: ByteBuffer,
        _ chunks: BodyChunks?,
        _ keeper: inout BodyKeeper
    ) async throws(FlowError) {
        guard let chunks else { return passOn(data, &keeper) }
        for chunk in try await chunks.pass(data) { passOn(chunk, &keeper) }
    }

    private func passOn(_ chunk: ByteBuffer, _ keeper: inout BodyKeeper) {
        if keeper.limit > 0 {
            flow.response?.body.keep(chunk, by: &keeper)
            loop.count(flow)
        }
        clientSide.send(part: chunk)
    }

    /// Waits for the next part of the response; nil when nothing arrives for `seconds`.
    private func nextResponsePart(
        from server: any ServerSide,
        within seconds: Int? = nil
    ) async throws(FlowError) -> BodyPart? {
        let timer = seconds.map { seconds in
            loop.eventLoop.scheduleTask(in: .seconds(Int64(seconds))) { server.stopWaiting() }
        }
        defer { timer?.cancel() }
        return try note(await server.nextResponsePart())
    }

    /// Updates the flow with a part of the response's body.
    private func note(_ part: BodyPart?) throws(FlowError) -> BodyPart? {
        switch part {
        case .data(let data):
            flow.response?.body.size += data.readableBytes
            if let limit = options.bodySizeLimit, let size = flow.response?.body.size, size > limit {
                throw tooLarge("response", limit, status: 502)
            }
        case .end(let trailers):
            flow.response?.trailers = trailers
            flow.response?.timestampEnd = secondsSinceEpoch()
        case nil:
            break
        }
        return part
    }

    // MARK: To the client

    /// Sends a complete response.
    func sendHeld() async throws(FlowError) {
        guard let response = flow.response else { return }
        flow.responseIsSent = true
        clientSide.send(whole: response)
        try await clientSide.flush()
    }
}
