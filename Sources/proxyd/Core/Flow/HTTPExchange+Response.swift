import AddonProtocol
import NIOCore

/// The response's way: from the server, into memory or straight on, to the client.
extension HTTPExchange {
    /// Reads the head of the final response; interim ones go to the client as they come (RFC 9110, section 15.2).
    func readHead(from server: any ServerSide) async throws(FlowError) -> ResponseHead {
        while true {
            let head = try await server.nextHead()
            guard (100..<200).contains(head.status), head.status != 101 else { return head }
            guard head.status != 100 else { continue }
            clientSide.send(interim: head)
            try await clientSide.flush()
        }
    }

    // MARK: Body

    /// Reads the response to its end, or until it turns out too large to hold.
    ///
    /// - Returns: whether it is all there.
    func readResponse(from server: any ServerSide, _ length: BodyLength) async throws(FlowError) -> Bool {
        var held = ByteBuffer()
        while let part = try await nextResponsePart(from: server) {
            held.writeImmutableBuffer(part)
            guard exceedsHold(held, length) else { continue }
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
    func passOnResponse(from server: any ServerSide, _ length: BodyLength) async throws(FlowError) {
        guard var response = flow.response else { return }
        try checkLength(length, of: "response", status: 502)
        let chunks = length == .none ? nil : bodyChunks(.responseData, flow.responseStream)
        let held = takeHeld(&response.body)
        flow.response?.body = response.body
        flow.responseIsSent = true
        clientSide.send(response, chunks?.length ?? length.outgoing)
        if !server.hasResponsePart { try await clientSide.flush() }
        if let held { try await passOn(held, chunks) }
        while let part = try await nextResponsePart(from: server) {
            keepPreview(of: part, in: &response.body, for: .response)
            flow.response?.body.bytes = response.body.bytes
            try await passOn(part, chunks)
        }
        flow.response?.body.passedOn()
        for chunk in try await chunks?.end() ?? [] { clientSide.send(part: chunk) }
        clientSide.sendEnd(trailers: flow.response?.trailers)
        try await clientSide.flush()
    }

    private func passOn(_ part: ByteBuffer, _ chunks: BodyChunks?) async throws(FlowError) {
        for chunk in try await chunks?.pass(part) ?? [part] { clientSide.send(part: chunk) }
        try await clientSide.flush()
    }

    /// The next of the response's body; nil at its end.
    private func nextResponsePart(from server: any ServerSide) async throws(FlowError) -> ByteBuffer? {
        switch try await server.nextResponsePart() {
        case .data(let data):
            flow.response?.body.size += data.readableBytes
            if let limit = options.bodySizeLimit, let size = flow.response?.body.size, size > limit {
                throw tooLarge("response", limit, status: 502)
            }
            return data
        case .end(let trailers):
            flow.response?.trailers = trailers
            flow.response?.timestampEnd = secondsSinceEpoch()
            return nil
        }
    }

    // MARK: To the client

    /// Sends a response that is all there.
    func sendHeld() async throws(FlowError) {
        guard let response = flow.response else { return }
        flow.responseIsSent = true
        clientSide.send(whole: response)
        try await clientSide.flush()
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
