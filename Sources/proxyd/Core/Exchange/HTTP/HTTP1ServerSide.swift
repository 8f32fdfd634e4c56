import AddonProtocol
import NIOCore
import ProxyCodecs

/// The server's end of an HTTP/1 exchange, which has the connection to itself until it is over (RFC 9112).
final class HTTP1ServerSide: ServerSide, @unchecked Sendable {
    private let client: Client
    private let upstream: UpstreamConnection
    private let flow: HTTPFlow
    private let interruption: Interruption
    private let isReused: Bool
    @exclusivity(unchecked) private var outgoing = BodyFraming.none
    @exclusivity(unchecked) private var head: ResponseHead?
    @exclusivity(unchecked) private var framing = BodyFraming.none
    @exclusivity(unchecked) private var parser: HTTP1BodyParser
    /// The proxy's own key, since an HTTP/2 client sends none.
    @exclusivity(unchecked) private var key: WebSocketKey?

    /// - Parameter isReused: whether the connection has carried an earlier request.
    init(
        _ upstream: UpstreamConnection,
        for client: Client,
        _ flow: HTTPFlow,
        _ interruption: Interruption,
        isReused: Bool
    ) {
        self.client = client
        self.upstream = upstream
        self.flow = flow
        self.interruption = interruption
        self.isReused = isReused
        parser = HTTP1BodyParser(framing: .none, limits: client.limits)
    }

    var info: ConnectionInfo { upstream.info }
    private var stream: ByteStream { upstream.stream }

    // MARK: The request

    var takesMore: Bool { stream.isOpen }

    func send(_ request: HTTPRequest, _ body: OutgoingBody) {
        stream.isBeingSent = true
        // In HTTP/2, trailers may also follow a body of known length. Here they require chunks.
        let hasTrailers = request.version == .http2 && request.headers.contains("trailer")
        stream.write(head(of: request, hasTrailers ? .stream : body))
    }

    func send(part: ByteBuffer) {
        stream.write(part, framing: outgoing)
    }

    func sendEnd(trailers: HeaderFields?) {
        stream.isBeingSent = false
        if outgoing == .chunked { stream.writeEnd(trailers: trailers) }
    }

    func send(whole request: HTTPRequest) {
        stream.isBeingSent = false
        let bytes = request.body.bytes ?? ByteBuffer()
        let head = head(of: request, request.trailers == nil ? .length(UInt64(bytes.readableBytes)) : .stream)
        stream.write(body: bytes, framing: outgoing, trailers: request.trailers, after: head)
    }

    func send() -> Bool {
        stream.send()
        return stream.hasRoom
    }

    func untilRoom() async {
        try? await stream.untilRoom()
    }

    private func head(of request: HTTPRequest, _ body: OutgoingBody) -> ByteBuffer {
        var head = RequestHead(
            method: request.method,
            target: upstream.takesAbsoluteForm ? flow.url : request.path,
            version: .http11,
            fields: request.headers
        )
        let login = upstream.takesAbsoluteForm ? request.loginAtNextProxy : nil
        MessageRules.removeHopByHop(from: &head.fields, of: .request, keepingUpgrade: request.upgrades)
        if !head.fields.contains("host") {
            head.fields.insert("Host", request.destinationText)
        }
        if request.upgradesToWebSocket, !head.fields.contains("sec-websocket-key") { addKey(to: &head.fields) }
        upstream.authorize(&head.fields, for: client)
        if let login { head.fields.set(name: "Proxy-Authorization".utf8, values: [Array(login)]) }
        outgoing = MessageRules.setFraming(of: body, in: &head)
        var buffer = client.loop.buffer()
        HTTP1Encoder.write(head, into: &buffer)
        return buffer
    }

    private func addKey(to fields: inout HeaderFields) {
        let key = WebSocketKey.random()
        fields.append("Sec-WebSocket-Key", key.text)
        self.key = key
    }

    // MARK: The response

    func nextHead() async throws(FlowError) -> ResponseHead {
        while true {
            if let head = try parseHead() {
                try checkAccept(head)
                upstream.hasAnswered = true
                stream.noteHead(isComing: false)
                self.head = head
                return head
            }
            stream.noteHead(isComing: upstream.parser.hasBegun || stream.unread.readableBytes > 0)
            let hasMore = await interruption.duringRead(of: stream)
            guard !stream.headIsLate else { throw lateHead }
            guard hasMore else { throw isGone("before it answered") }
        }
    }

    private func parseHead() throws(FlowError) -> ResponseHead? {
        do {
            defer { note(ignored: upstream.parser.takeIgnoredLine()) }
            return try upstream.parser.response(from: &stream.unread)
        } catch {
            throw malformed(error)
        }
    }

    private var lateHead: FlowError {
        FlowError(.timeout, "the server's response: \(HTTP1Error.lateHead(client.loop.options.headTimeout).message)")
    }

    private func note(ignored line: String?) {
        guard let line else { return }
        client.services.log.info("dropped a line of the server's response that is not a field: \(line)")
    }

    /// Only the proxy knows the key, so nobody else can check the answer to it (RFC 6455, section 4.1).
    private func checkAccept(_ head: ResponseHead) throws(FlowError) {
        guard let key, head.status == 101 else { return }
        guard head.fields.first("sec-websocket-accept").map({ Array($0) }) == Array(key.accept.utf8) else {
            throw FlowError(.malformedResponse, "the server's Sec-WebSocket-Accept is not the one for our key")
        }
    }

    func responseLength() throws(FlowError) -> BodyLength {
        guard let head else { return .none }
        do {
            framing = try BodyFraming.ofResponse(head, toMethod: flow.request.method)
        } catch {
            throw malformed(error)
        }
        parser = HTTP1BodyParser(framing: framing, limits: client.limits, isFromServer: true)
        return framing.length
    }

    func presentResponsePart() throws(FlowError) -> BodyPart? { try parsePart() }

    func nextResponsePart() async throws(FlowError) -> BodyPart? {
        while true {
            if let part = try parsePart() { return part }
            let hasMore = await interruption.duringRead(of: stream)
            if let error = interruption.error { throw error }
            if !hasMore, stream.inputIsOpen { return nil }
        }
    }

    func stopWaiting() {
        stream.stopReading()
    }

    /// Parses the next part; nil when more input is needed. The end of input ends the body or is a failure.
    private func parsePart() throws(FlowError) -> BodyPart? {
        let ended = !stream.inputIsOpen
        do throws(HTTP1Error) {
            if let part = try parser.next(from: &stream.unread) {
                if case .end = part { note(ignored: parser.ignoredLine) }
                return part
            }
            guard ended else { return nil }
            if framing == .untilClose, case .failed = stream.input {
                throw HTTP1Error(.incompleteBody, "the connection broke")
            }
            return try parser.inputClosed()
        } catch {
            guard error.code == .incompleteBody else { throw malformed(error) }
            throw isGone("before the end of its response")
        }
    }

    private func malformed(_ error: HTTP1Error) -> FlowError {
        FlowError(.malformedResponse, "the server's response is malformed: \(error.message)")
    }

    private func isGone(_ when: String) -> FlowError {
        switch stream.input {
        case .failed(let error as FlowError): error
        case .failed(let error): FlowError(.serverDisconnected, "server connection broke \(when): \(error)")
        case .open, .ended: FlowError(.serverDisconnected, "server closed the connection \(when)")
        }
    }

    // MARK: The end

    /// The server may have closed an idle connection before the request arrived.
    var mayHaveBeenStale: Bool { isReused && !upstream.hasAnswered }

    var tunnel: ByteStream? { stream }

    func release(requestIsSent: Bool) {
        if requestIsSent, framing != .untilClose, head?.keepsAlive ?? false {
            client.upstreams.put(upstream)
        } else {
            upstream.end()
        }
    }

    func end() {
        upstream.end()
    }
}
