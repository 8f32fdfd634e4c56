import AddonProtocol
import NIOCore

/// The response's way: from the server, into memory or straight on, to the client.
extension HTTPExchange {
    /// Reads the head of the final response; interim ones go to the client as they come (RFC 9110, section 15.2).
    func readHead(from upstream: UpstreamConnection) async throws(FlowError) -> ResponseHead {
        while true {
            if let head = try nextHead(from: upstream) {
                upstream.hasAnswered = true
                guard (100..<200).contains(head.status), head.status != 101 else { return head }
                try await passOnInterim(head)
            } else {
                let more = await readMore(upstream.stream)
                guard more else { throw serverIsGone(upstream, "before it answered") }
            }
        }
    }

    private func nextHead(from upstream: UpstreamConnection) throws(FlowError) -> ResponseHead? {
        do {
            return try upstream.parser.response(from: &upstream.stream.unread)
        } catch {
            throw FlowError(.malformedResponse, "the server's response is malformed: \(error.message)")
        }
    }

    private func passOnInterim(_ head: ResponseHead) async throws(FlowError) {
        guard head.status != 100, flow.request.version == .http11 else { return }
        var buffer = loop.buffer()
        HTTP1Encoder.write(head, into: &buffer)
        client.stream.write(buffer)
        try await flushClient()
    }

    /// Waits for more from the server, unless the client leaves meanwhile.
    private func readMore(_ stream: ByteStream) async -> Bool {
        await client.interruption.during({ await stream.readMore() }, cut: { _ in stream.close() })
    }

    private func serverIsGone(_ upstream: UpstreamConnection, _ when: String) -> FlowError {
        switch upstream.stream.input {
        case .failed(let error as FlowError): error
        case .failed(let error): FlowError(.serverDisconnected, "server connection broke \(when): \(error)")
        case .open, .ended: FlowError(.serverDisconnected, "server closed the connection \(when)")
        }
    }

    // MARK: Body

    /// Reads the response to its end, or until it turns out too large to hold.
    ///
    /// - Returns: whether it is all there.
    func readResponse(_ source: inout ResponseBody) async throws(FlowError) -> Bool {
        var held = ByteBuffer()
        while let part = try await nextResponsePart(&source) {
            held.writeImmutableBuffer(part)
            guard exceedsHold(held, source.framing) else { continue }
            try checkGuardian(of: .response, "it is larger than hold_limit, and has no end in sight")
            flow.responseStream = streamMode(for: .response)
            flow.response?.body.bytes = held
            return false
        }
        flow.response?.body.bytes = held
        flow.response?.body.isComplete = true
        return true
    }

    /// Passes the response on as it comes, after what of it has been held.
    func passOn(_ source: inout ResponseBody) async throws(FlowError) {
        guard var response = flow.response else { return }
        try checkLength(source.framing, of: "response", status: 502)
        let chunks = source.framing == .none ? nil : bodyChunks(.responseData, flow.responseStream)
        let held = takeHeld(&response.body)
        flow.response?.body = response.body
        var buffer = loop.buffer()
        let outgoing = writeHead(of: response, chunks?.length ?? source.framing.length, into: &buffer)
        client.stream.write(buffer)
        if source.upstream.stream.unread.readableBytes == 0 { try await flushClient() }
        if let held { try await passOn(held, chunks, outgoing) }
        while let part = try await nextResponsePart(&source) {
            keepPreview(of: part, in: &response.body, for: .response)
            flow.response?.body.bytes = response.body.bytes
            try await passOn(part, chunks, outgoing)
        }
        flow.response?.body.passedOn()
        for chunk in try await chunks?.end() ?? [] { client.stream.write(chunk, framing: outgoing) }
        if outgoing == .chunked { client.stream.writeEnd(trailers: flow.response?.trailers) }
        try await flushClient()
    }

    private func passOn(_ part: ByteBuffer, _ chunks: BodyChunks?, _ outgoing: BodyFraming) async throws(FlowError) {
        for chunk in try await chunks?.pass(part) ?? [part] { client.stream.write(chunk, framing: outgoing) }
        try await flushClient()
    }

    /// The next of the response's body; nil at its end.
    private func nextResponsePart(_ source: inout ResponseBody) async throws(FlowError) -> ByteBuffer? {
        let limit = options.bodySizeLimit
        while true {
            switch try parse(&source) {
            case .data(let data):
                flow.response?.body.size += data.readableBytes
                if let limit, let size = flow.response?.body.size, size > limit {
                    throw tooLarge("response", limit, status: 502)
                }
                return data
            case .end(let trailers):
                flow.response?.trailers = trailers
                flow.response?.timestampEnd = secondsSinceEpoch()
                return nil
            case nil:
                _ = await readMore(source.upstream.stream)
                if let error = client.interruption.error { throw error }
            }
        }
    }

    /// The next part; nil when more has to be read. The end of input is the end of the body or a failure.
    private func parse(_ source: inout ResponseBody) throws(FlowError) -> BodyPart? {
        let stream = source.upstream.stream
        let ended = !stream.inputIsOpen
        do throws(HTTP1Error) {
            if let part = try source.parser.next(from: &stream.unread) { return part }
            guard ended else { return nil }
            if source.framing == .untilClose, case .failed = stream.input {
                throw HTTP1Error(.incompleteBody, "the connection broke")
            }
            return try source.parser.inputClosed()
        } catch {
            guard error.code == .incompleteBody else {
                throw FlowError(.malformedResponse, "the server's response is malformed: \(error.message)")
            }
            throw serverIsGone(source.upstream, "before the end of its response")
        }
    }

    // MARK: To the client

    /// Writes the response head as the client's version and method demand.
    private func writeHead(
        of response: HTTPResponse,
        _ body: OutgoingBody,
        into buffer: inout ByteBuffer
    ) -> BodyFraming {
        var head = ResponseHead(
            status: response.status,
            reason: response.reason,
            version: .http11,
            fields: response.headers
        )
        let peer = flow.request.version
        // A challenge of the server's is for this proxy; one of our own, or of an addon, is for the client.
        let challenge = response.origin == .server ? nil : head.fields.first("proxy-authenticate")
        MessageRules.removeHopByHop(from: &head.fields, of: .response)
        if let challenge { head.fields.append(name: "Proxy-Authenticate".utf8, value: challenge) }
        let framing = MessageRules.setFraming(of: body, in: &head, toMethod: flow.request.method, peer: peer)
        if framing == .untilClose { endsConnection = true }
        MessageRules.setPersistence(persists, with: peer, in: &head.fields)
        HTTP1Encoder.write(head, into: &buffer)
        flow.responseIsSent = true
        return framing
    }

    /// Sends a response that is all there.
    func sendHeld() async throws(FlowError) {
        guard let response = flow.response else { return }
        let bytes = response.body.bytes ?? ByteBuffer()
        let length: OutgoingBody =
            response.trailers == nil || flow.request.version == .http10 ? .length(UInt64(bytes.readableBytes)) : .stream
        var buffer = loop.buffer()
        let framing = writeHead(of: response, length, into: &buffer)
        client.stream.write(body: bytes, framing: framing, trailers: response.trailers, after: buffer)
        try await flushClient()
    }

    func flushClient() async throws(FlowError) {
        do {
            try await client.stream.flush()
        } catch {
            throw FlowError(.clientDisconnected, "client disconnected: \(error)")
        }
    }
}

extension HTTPResponse {
    init(_ head: ResponseHead, hasBody: Bool) {
        self.init(
            status: head.status,
            reason: head.reason,
            version: head.version,
            headers: head.fields,
            body: hasBody ? Body() : .empty,
            timestampStart: secondsSinceEpoch(),
            origin: .server
        )
    }

    /// The page that tells a client why it gets no response.
    static func page(for error: FlowError) -> HTTPResponse { page(error.status, error.message) }

    static func page(_ status: Int, _ message: String) -> HTTPResponse {
        let now = secondsSinceEpoch()
        let reason = HTTPSyntax.reason(of: status)
        let text = "\(status) \(String(decoding: reason, as: UTF8.self))\n\nproxyd: \(message)\n"
        return HTTPResponse(
            status: status,
            reason: reason,
            version: .http11,
            headers: ["Content-Type": "text/plain; charset=utf-8", "Cache-Control": "no-store"],
            body: .whole(ByteBuffer(string: text)),
            timestampStart: now,
            timestampEnd: now,
            origin: .proxy
        )
    }
}

/// What is still to be read of a response.
struct ResponseBody {
    let upstream: UpstreamConnection
    let framing: BodyFraming
    var parser: HTTP1BodyParser

    init(from upstream: UpstreamConnection, _ framing: BodyFraming, _ limits: Limits) {
        self.upstream = upstream
        self.framing = framing
        parser = HTTP1BodyParser(framing: framing, limits: limits)
    }
}
