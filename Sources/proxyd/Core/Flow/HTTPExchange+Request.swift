import AddonProtocol
import NIOCore

/// The request's way: from the client, into memory or straight on, to the server.
extension HTTPExchange {
    /// Reads the rest of the request.
    ///
    /// - Parameter holding: whether to keep the body; if not, it is dropped.
    func readRequest(holding: Bool) async throws(FlowError) {
        guard !requestIsRead else {
            flow.request.timestampEnd = secondsSinceEpoch()
            return
        }
        if expectsContinue, flow.response != nil {
            flow.request.body = .empty
            endsConnection = true
            flow.request.timestampEnd = secondsSinceEpoch()
            return
        }
        try await sendContinue()
        var held = ByteBuffer()
        while let part = try await nextRequestPart() {
            guard holding else { continue }
            held.writeImmutableBuffer(part)
            guard exceedsHold(held, framing) else { continue }
            try checkGuardian(of: .request, "it is larger than hold_limit, and has no end in sight")
            flow.requestStream = streamMode(for: .request)
            flow.request.body.bytes = held
            return
        }
        flow.request.body.bytes = holding ? held : nil
        flow.request.body.isComplete = holding
    }

    /// The next of the request's body; nil at its end.
    private func nextRequestPart() async throws(FlowError) -> ByteBuffer? {
        if requestParser == nil {
            try checkLength(framing, of: "request", status: 413)
            requestParser = HTTP1BodyParser(framing: framing, limits: client.limits)
        }
        let limit = options.bodySizeLimit
        while true {
            switch try parseRequest() {
            case .data(let data):
                flow.request.body.size += data.readableBytes
                if let limit, flow.request.body.size > limit { throw tooLarge("request", limit, status: 413) }
                return data
            case .end(let trailers):
                requestIsRead = true
                flow.request.trailers = trailers
                flow.request.timestampEnd = secondsSinceEpoch()
                return nil
            case nil:
                guard await client.stream.readMore() else { throw clientIsGone }
            }
        }
    }

    /// Refuses a body that says itself that it is too large, before any of it is read.
    func checkLength(_ framing: BodyFraming, of message: String, status: Int) throws(FlowError) {
        guard case .length(let length) = framing, let limit = options.bodySizeLimit,
            length > UInt64(limit)
        else { return }
        throw tooLarge(message, limit, status: status)
    }

    func tooLarge(_ message: String, _ limit: Int, status: Int) -> FlowError {
        FlowError(
            .bodyTooLarge,
            "the \(message) body is larger than body_size_limit, \(limit) bytes",
            status: status
        )
    }

    private func parseRequest() throws(FlowError) -> BodyPart? {
        do {
            return try requestParser?.next(from: &client.stream.unread)
        } catch {
            throw FlowError(.malformedRequest, error.message, status: error.status)
        }
    }

    private var clientIsGone: FlowError {
        if case .failed(let error as FlowError) = client.stream.input { return error }
        return FlowError(.clientDisconnected, "client disconnected before the end of its request")
    }

    // MARK: Expect

    private var expectsContinue: Bool {
        flow.request.version == .http11 && flow.request.headers.tokens("expect").contains(Array("100-continue".utf8))
    }

    /// Tells a client that waits for it to send its body (RFC 9110, section 10.1.1).
    private func sendContinue() async throws(FlowError) {
        guard expectsContinue, requestParser == nil else { return }
        client.stream.write(ByteBuffer(staticString: "HTTP/1.1 100 Continue\r\n\r\n"))
        try await flushClient()
    }

    // MARK: To the server

    /// The head that goes to the server, and how its body is to be written.
    private func outgoingHead(_ body: OutgoingBody, to upstream: UpstreamConnection) -> (RequestHead, BodyFraming) {
        let request = flow.request
        var head = RequestHead(
            method: request.method,
            target: upstream.takesAbsoluteForm ? flow.url : request.path,
            version: .http11,
            fields: request.headers
        )
        MessageRules.removeHopByHop(from: &head.fields, of: .request, keepingUpgrade: upgradesToWebSocket)
        if !head.fields.contains("host") {
            head.fields.insert("Host", request.destinationText)
        }
        head.fields.remove("expect")
        authorize(&head.fields, for: upstream)
        let framing = MessageRules.setFraming(of: body, in: &head)
        return (head, framing)
    }

    /// Tells an upstream proxy, or the server of a reverse proxy, who we are: `upstream_auth`.
    private func authorize(_ fields: inout HeaderFields, for upstream: UpstreamConnection) {
        guard let credentials = options.upstreamAuth else { return }
        if upstream.takesAbsoluteForm { fields.set("Proxy-Authorization", credentials.field) }
        if upstream.destination == client.mode.reverseDestination, !upstream.isRedirected {
            fields.set("Authorization", credentials.field)
        }
    }

    /// What was held before the body turned out too large to hold, then what still comes.
    private func nextUpload(_ held: inout ByteBuffer?) async throws(FlowError) -> ByteBuffer? {
        guard flow.state != .done else { throw clientIsGone }
        guard let first = held else { return try await nextRequestPart() }
        held = nil
        return first
    }

    func sendHeldRequest(over upstream: UpstreamConnection) async throws(FlowError) -> ResponseHead {
        let bytes = flow.request.body.bytes ?? ByteBuffer()
        let (head, framing) = outgoingHead(
            flow.request.trailers == nil ? .length(UInt64(bytes.readableBytes)) : .stream,
            to: upstream
        )
        var buffer = loop.buffer()
        HTTP1Encoder.write(head, into: &buffer)
        flow.requestIsSent = true
        upstream.stream.write(body: bytes, framing: framing, trailers: flow.request.trailers, after: buffer)
        // A server may answer, and close, before it has taken the whole request: then the answer counts.
        try? await upstream.stream.flush()
        return try await readHead(from: upstream)
    }

    /// Passes the request on as it comes, until it ends or the server has answered.
    func passOnRequest(over upstream: UpstreamConnection) async throws(FlowError) -> ResponseHead {
        try await sendContinue()
        let upload = Upload(isDue: flow.request.body.bytes == nil)
        self.upload = upload
        loop.start { await self.upload(upload, over: upstream) }
        let head: ResponseHead
        do {
            head = try await readHead(from: upstream)
        } catch {
            throw upload.failure ?? error
        }
        if let failure = upload.failure { throw failure }
        if upload.startEvent() { try await fire(.request) } else { try await upload.eventIsOver() }
        return head
    }

    /// The part of a passed-on request that runs beside the wait for its response.
    private func upload(_ upload: Upload, over upstream: UpstreamConnection) async {
        do {
            let chunks = bodyChunks(.requestData, flow.requestStream)
            let (head, outgoing) = outgoingHead(chunks?.length ?? framing.length, to: upstream)
            var buffer = loop.buffer()
            HTTP1Encoder.write(head, into: &buffer)
            flow.requestIsSent = true
            upstream.stream.write(buffer)
            if client.stream.unread.readableBytes == 0 { try? await upstream.stream.flush() }
            var held = takeHeld(&flow.request.body)
            while let part = try await nextUpload(&held) {
                guard upstream.stream.isOpen else { continue }
                keepPreview(of: part, in: &flow.request.body, for: .request)
                for chunk in try await chunks?.pass(part) ?? [part] {
                    upstream.stream.write(chunk, framing: outgoing)
                }
                try? await upstream.stream.flush()
            }
            flow.request.body.passedOn()
            if upstream.stream.isOpen, let chunks {
                for chunk in try await chunks.end() { upstream.stream.write(chunk, framing: outgoing) }
            }
            if outgoing == .chunked { upstream.stream.writeEnd(trailers: flow.request.trailers) }
            try? await upstream.stream.flush()
            if upload.startEvent() {
                try await fire(.request)
                upload.endEvent()
            }
        } catch {
            upload.fail(error)
            upstream.stream.close()
        }
    }
}

/// The state that a request which is passed on shares with the wait for its response; confined to the flow's loop.
final class Upload: @unchecked Sendable {
    private enum RequestEvent {
        case due
        case running
        case over
    }

    private var event: RequestEvent
    private(set) var failure: FlowError?
    private var waiter: UnsafeContinuation<Void, Never>?

    /// - Parameter isDue: whether `request` has still to be fired.
    init(isDue: Bool) {
        event = isDue ? .due : .over
    }

    /// Whether the caller is the one to fire `request`.
    func startEvent() -> Bool {
        guard event == .due else { return false }
        event = .running
        return true
    }

    func endEvent() {
        event = .over
        resume()
    }

    func fail(_ error: FlowError) {
        failure = failure ?? error
        endEvent()
    }

    func eventIsOver() async throws(FlowError) {
        if event == .running { await withUnsafeContinuation { waiter = $0 } }
        if let failure { throw failure }
    }

    private func resume() {
        let waiting = waiter
        waiter = nil
        waiting?.resume()
    }
}
