import AddonProtocol
import NIOCore
import ProxyCodecs

/// The path of the request, from the client to the server, held in memory or streamed.
extension HTTPExchange {
    // MARK: Until its event

    /// Brings the request to the point where it can be sent or answered. It is held to its end if an addon may change
    /// it, or decided on by its head. Otherwise it is left unread.
    func takeRequest() async throws(FlowError) {
        if clientSide.requestIsRead { flow.request.timestampEnd = secondsSinceEpoch() }
        guard flow.response == nil else { return try await takeAnsweredRequest() }
        switch requestCourse {
        case .held:
            if !clientSide.requestIsRead { try await holdRequest() }
            try await fire(.request)
            if flow.response == nil { try await showHeldRequest() }
            if flow.response == nil, upgradesToWebSocket { try await shakeHands() }
            if flow.response != nil { try await dropRequest() }
        case .decided(let deciders):
            requestDeciders = deciders
            try await fire(.request, to: .only(deciders))
            guard flow.response != nil else { return }
            try await dropRequest()
            try await fire(.request, to: .except(deciders))
        case .passed:
            break
        }
    }

    /// Handles a request that an addon answered by its head. Other addons may still want to see the body.
    private func takeAnsweredRequest() async throws(FlowError) {
        if !clientSide.requestIsRead, loop.dispatcher.plan.holdsBody(for: .request, of: flow) {
            try await holdRequest()
        }
        try await dropRequest()
        try await fire(.request)
    }

    /// Reads the request to its end, or until it cannot be held any longer.
    private func holdRequest() async throws(FlowError) {
        guard flow.response == nil || !awaitsContinue else { return }
        try checkRequestLength()
        try await sendContinue()
        let isUnknown = clientSide.requestLength == .unknown
        let patience = isUnknown ? options.holdIdle.request : nil
        var hold = BodyHold(loop.memory)
        defer { hold.end() }
        while true {
            switch try await nextRequestPart(within: patience) {
            case .data(let data):
                hold.take(data)
                let rule = ruleAgainstHolding(hold.bytes.readableBytes, clientSide.requestLength)
                if let rule { return try letGo(hold.bytes, rule) }
            case .end:
                flow.request.body.bytes = hold.bytes
                flow.request.body.isComplete = true
                return loop.count(flow)
            case nil:
                return try letGo(hold.bytes, .holdIdle(seconds: options.holdIdle.request))
            }
        }
    }

    private func letGo(_ held: ByteBuffer, _ rule: StreamRule) throws(FlowError) {
        if rule == .memoryLimit { noteLackOfMemory(at: .request) }
        try checkGuardian(of: .request, rule)
        flow.requestStream = streamMode(for: .request)
        flow.request.body.bytes = held
        loop.count(flow)
    }

    /// Reads and drops the rest of an answered request, so that the connection can be reused. Gives up if the request
    /// may be endless.
    private func dropRequest() async throws(FlowError) {
        guard !clientSide.requestIsRead else { return }
        defer {
            flow.request.body.passedOn()
            flow.request.timestampEnd = secondsSinceEpoch()
        }
        guard !awaitsContinue, !options.streamTypes.match(flow.request.headers) else {
            return clientSide.abandonRequest()
        }
        let isUnknown = clientSide.requestLength == .unknown
        let patience = isUnknown ? options.holdIdle.request : nil
        var keeper = requestKeeper(isDue: false)
        while true {
            switch try await nextRequestPart(within: patience) {
            case .data(let data) where !isUnknown || !exceedsHold(flow.request.body.size, .unknown):
                guard keeper.limit > 0 else { continue }
                flow.request.body.keep(data, by: &keeper)
                loop.count(flow)
            case .end: return
            case .data, nil: return clientSide.abandonRequest()
            }
        }
    }

    /// Waits for the next part of the request; nil when nothing arrives for `seconds`.
    private func nextRequestPart(within seconds: Int? = nil) async throws(FlowError) -> BodyPart? {
        let timer = seconds.map { seconds in
            loop.eventLoop.scheduleTask(in: .seconds(Int64(seconds))) { self.clientSide.stopWaiting() }
        }
        defer { timer?.cancel() }
        let part = try await clientSide.nextRequestPart()
        switch part {
        case .data(let data):
            flow.request.body.size += data.readableBytes
            if let limit = options.bodySizeLimit, flow.request.body.size > limit {
                throw tooLarge("request", limit, status: 413)
            }
        case .end(let trailers):
            flow.request.trailers = trailers
            flow.request.timestampEnd = secondsSinceEpoch()
        case nil:
            break
        }
        return part
    }

    /// Refuses a body whose announced length is too large, before reading any of it.
    func checkLength(_ length: BodyLength, of message: String, status: Int) throws(FlowError) {
        guard case .known(let length) = length, let limit = options.bodySizeLimit, length > UInt64(limit) else {
            return
        }
        throw tooLarge(message, limit, status: status)
    }

    private func checkRequestLength() throws(FlowError) {
        try checkLength(clientSide.requestLength, of: "request", status: 413)
    }

    /// The error for a body above `body_size_limit`.
    func tooLarge(_ message: String, _ limit: Int, status: Int) -> FlowError {
        FlowError(
            .bodyTooLarge,
            "the \(message) body is larger than body_size_limit, \(limit) bytes",
            status: status
        )
    }

    // MARK: Expect

    /// Whether the client waits for a 100 before it sends its body (RFC 9110, section 10.1.1).
    var awaitsContinue: Bool {
        !isContinued && flow.request.body.size == 0 && !clientSide.requestIsRead && flow.request.expectsContinue
    }

    /// Tells a waiting client to send its body, because an addon needs it before the server does.
    private func sendContinue() async throws(FlowError) {
        guard awaitsContinue else { return }
        isContinued = true
        clientSide.send(interim: .continue)
        try await clientSide.flush()
    }

    /// The request to send. Its expectation is removed once the body is on its way.
    private var onward: HTTPRequest {
        guard flow.request.headers.contains("expect"), !awaitsContinue else { return flow.request }
        var request = flow.request
        request.removeContinueExpectation()
        return request
    }

    // MARK: To the server

    /// Returns first what was held before streaming began, then what arrives; nil at the end.
    private func nextUpload(_ held: inout ByteBuffer?) async throws(FlowError) -> ByteBuffer? {
        while true {
            guard flow.state != .done else { throw .clientLeftRequest }
            if let first = held {
                held = nil
                return first
            }
            switch try await nextRequestPart() {
            case .data(let data): return data
            case .end: return nil
            case nil: continue
            }
        }
    }

    /// Sends a request that is complete in memory, and waits for the response head.
    func sendHeldRequest(to server: any ServerSide) async throws(FlowError) -> ResponseHead {
        flow.requestIsSent = true
        server.send(whole: onward)
        await server.flush()
        return try await readHead(from: server)
    }

    /// Streams the request until it ends or the server has answered.
    func passOnRequest(to server: any ServerSide) async throws(FlowError) -> ResponseHead {
        try checkRequestLength()
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
        if upload.startEvent() { try await fireRequest() } else { try await upload.eventIsOver() }
        return head
    }

    /// The part of a streamed request that runs concurrently with the wait for its response.
    private func upload(_ upload: Upload, to server: any ServerSide) async {
        do {
            let chunks = bodyChunks(.requestData, flow.requestStream)
            flow.requestIsSent = true
            var keeper = requestKeeper(isDue: upload.isDue)
            server.send(onward, chunks?.length ?? clientSide.requestLength.outgoing)
            if !clientSide.hasRequestPart { await server.flush() }
            var held = takeHeld(&flow.request.body)
            while let part = try await nextUpload(&held) {
                guard server.takesMore else { continue }
                for chunk in try await chunks?.pass(part) ?? [part] {
                    flow.request.body.keep(chunk, by: &keeper)
                    server.send(part: chunk)
                }
                await server.flush()
                if flow.control.counted.content > 0 || keeper.limit > 0, flow.state != .done { loop.count(flow) }
            }
            if server.takesMore, let chunks {
                for chunk in try await chunks.end() {
                    flow.request.body.keep(chunk, by: &keeper)
                    server.send(part: chunk)
                }
            }
            flow.request.body.passedOn(server.takesMore ? chunks?.byteCount : nil)
            server.sendEnd(trailers: flow.request.trailers)
            await server.flush()
            if upload.startEvent() {
                try await fireRequest()
                upload.endEvent()
            }
            upload.end()
        } catch {
            upload.fail(error)
            server.end()
        }
    }

    /// After the server's complete response, sends it what the client still has to send, until the client falls silent.
    func finishUpload(to server: any ServerSide) async {
        guard let upload, !awaitsContinue else { return }
        var passed: Int?
        while !upload.isOver, server.takesMore, passed != flow.request.body.size {
            passed = flow.request.body.size
            await upload.end(within: .seconds(Int64(options.holdIdle.request)), on: loop)
        }
    }

    private func fireRequest() async throws(FlowError) {
        try await fire(.request, to: .except(requestDeciders))
    }
}

extension HTTPRequest {
    /// In HTTP/1.0, the expectation has no meaning.
    fileprivate var expectsContinue: Bool {
        version != .http10 && headers.hasElement("100-continue", in: "expect")
    }

    fileprivate mutating func removeContinueExpectation() {
        var others: [[UInt8]] = []
        headers.forEachElement(of: "expect") { element in
            if !isEqual(element, ignoringCase: "100-continue") { others.append(Array(element)) }
        }
        let value = Array(others.joined(separator: ", ".utf8))
        headers.set(name: Array("expect".utf8), values: others.isEmpty ? [] : [value])
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

/// The state that a streamed request shares with the wait for its response. Confined to the flow's loop.
final class Upload: @unchecked Sendable {
    /// The state of the event `request`.
    private enum RequestEvent {
        case due
        case running
        case over
    }

    private var event: RequestEvent
    private(set) var failure: FlowError?
    /// Whether the upload is complete or has failed.
    private(set) var isOver = false
    private var waiter: UnsafeContinuation<Void, Never>?

    /// - Parameter isDue: whether `request` still has to be fired.
    init(isDue: Bool) {
        event = isDue ? .due : .over
    }

    var isDue: Bool { event == .due }

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
        event = .over
        end()
    }

    func end() {
        isOver = true
        resume()
    }

    /// Waits for the end, but no longer than `time`.
    func end(within time: TimeAmount, on loop: LoopContext) async {
        guard !isOver else { return }
        let timer = loop.eventLoop.scheduleTask(in: time) { self.resume() }
        await withUnsafeContinuation { waiter = $0 }
        timer.cancel()
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
