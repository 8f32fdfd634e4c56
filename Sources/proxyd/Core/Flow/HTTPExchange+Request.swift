import AddonProtocol
import NIOCore

/// The request's way: from the client, into memory or straight on, to the server.
extension HTTPExchange {
    /// Reads the rest of the request.
    ///
    /// - Parameter holding: whether to keep the body; if not, it is dropped.
    func readRequest(holding: Bool) async throws(FlowError) {
        guard !clientSide.requestIsRead else {
            flow.request.timestampEnd = secondsSinceEpoch()
            return
        }
        if expectsContinue, flow.response != nil {
            flow.request.body = .empty
            clientSide.abandonRequest()
            flow.request.timestampEnd = secondsSinceEpoch()
            return
        }
        try await beginRequestBody()
        var held = ByteBuffer()
        while let part = try await nextRequestPart() {
            guard holding else { continue }
            held.writeImmutableBuffer(part)
            guard exceedsHold(held, clientSide.requestLength) else { continue }
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
        switch try await clientSide.nextRequestPart() {
        case .data(let data):
            flow.request.body.size += data.readableBytes
            if let limit = options.bodySizeLimit, flow.request.body.size > limit {
                throw tooLarge("request", limit, status: 413)
            }
            return data
        case .end(let trailers):
            flow.request.trailers = trailers
            flow.request.timestampEnd = secondsSinceEpoch()
            return nil
        }
    }

    /// Refuses a body that says itself that it is too large, before any of it is read.
    func checkLength(_ length: BodyLength, of message: String, status: Int) throws(FlowError) {
        guard case .known(let length) = length, let limit = options.bodySizeLimit, length > UInt64(limit) else {
            return
        }
        throw tooLarge(message, limit, status: status)
    }

    func tooLarge(_ message: String, _ limit: Int, status: Int) -> FlowError {
        FlowError(
            .bodyTooLarge,
            "the \(message) body is larger than body_size_limit, \(limit) bytes",
            status: status
        )
    }

    // MARK: Expect

    private var expectsContinue: Bool {
        flow.request.version != .http10 && flow.request.headers.tokens("expect").contains(Array("100-continue".utf8))
    }

    /// Before the first of the body is read: a client that waits for it is told to send it (RFC 9110, section 10.1.1).
    private func beginRequestBody() async throws(FlowError) {
        guard flow.request.body.size == 0 else { return }
        try checkLength(clientSide.requestLength, of: "request", status: 413)
        guard expectsContinue else { return }
        clientSide.send(interim: .continue)
        try await clientSide.flush()
    }

    // MARK: To the server

    /// What was held before the body turned out too large to hold, then what still comes.
    private func nextUpload(_ held: inout ByteBuffer?) async throws(FlowError) -> ByteBuffer? {
        guard flow.state != .done else { throw .clientLeftRequest }
        guard let first = held else { return try await nextRequestPart() }
        held = nil
        return first
    }

    func sendHeldRequest(to server: any ServerSide) async throws(FlowError) -> ResponseHead {
        flow.requestIsSent = true
        server.send(whole: flow.request)
        await server.flush()
        return try await readHead(from: server)
    }

    /// Passes the request on as it comes, until it ends or the server has answered.
    func passOnRequest(to server: any ServerSide) async throws(FlowError) -> ResponseHead {
        try await beginRequestBody()
        let upload = Upload(isDue: flow.request.body.bytes == nil)
        self.upload = upload
        loop.start { await self.upload(upload, to: server) }
        let head: ResponseHead
        do {
            head = try await readHead(from: server)
        } catch {
            throw upload.failure ?? error
        }
        if let failure = upload.failure { throw failure }
        if upload.startEvent() { try await fire(.request) } else { try await upload.eventIsOver() }
        return head
    }

    /// The part of a passed-on request that runs beside the wait for its response.
    private func upload(_ upload: Upload, to server: any ServerSide) async {
        do {
            let chunks = bodyChunks(.requestData, flow.requestStream)
            flow.requestIsSent = true
            server.send(flow.request, chunks?.length ?? clientSide.requestLength.outgoing)
            if !clientSide.hasRequestPart { await server.flush() }
            var held = takeHeld(&flow.request.body)
            while let part = try await nextUpload(&held) {
                guard server.takesMore else { continue }
                keepPreview(of: part, in: &flow.request.body, for: .request)
                for chunk in try await chunks?.pass(part) ?? [part] { server.send(part: chunk) }
                await server.flush()
            }
            flow.request.body.passedOn()
            if server.takesMore, let chunks {
                for chunk in try await chunks.end() { server.send(part: chunk) }
            }
            server.sendEnd(trailers: flow.request.trailers)
            await server.flush()
            if upload.startEvent() {
                try await fire(.request)
                upload.endEvent()
            }
        } catch {
            upload.fail(error)
            server.end()
        }
    }
}

extension ResponseHead {
    fileprivate static let `continue` = ResponseHead(
        status: 100,
        reason: Array("Continue".utf8),
        version: .http11,
        fields: HeaderFields()
    )
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
