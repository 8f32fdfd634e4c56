import AddonProtocol
import NIOCore
import ProxyCodecs

/// The client's end of an HTTP/1 exchange, which has the connection to itself until it is over (RFC 9112).
final class HTTP1ClientSide: ClientSide, @unchecked Sendable {
    private let client: Client
    private let flow: HTTPFlow
    /// Whether the client wants a persistent connection.
    private let keepsAlive: Bool
    @exclusivity(unchecked) private var parser: HTTP1BodyParser
    @exclusivity(unchecked) private var outgoing = BodyFraming.none
    /// Whether the connection ends with the response.
    @exclusivity(unchecked) private var endsConnection = false
    let requestLength: BodyLength
    @exclusivity(unchecked) private(set) var requestIsRead: Bool

    init(client: Client, flow: HTTPFlow, framing: BodyFraming, keepsAlive: Bool) {
        self.client = client
        self.flow = flow
        self.keepsAlive = keepsAlive
        parser = HTTP1BodyParser(framing: framing, limits: client.limits)
        requestLength = framing.length
        requestIsRead = framing == .none || framing == .length(0)
    }

    var interruption: Interruption { client.interruption }
    /// Whether the client may send another request on the connection.
    var persists: Bool { keepsAlive && requestIsRead && !endsConnection && client.mayContinue }

    private var stream: ByteStream { client.stream }

    // MARK: The request

    var hasRequestPart: Bool { stream.unread.readableBytes > 0 }

    func nextRequestPart() async throws(FlowError) -> BodyPart? {
        while true {
            if let part = try parse() {
                if case .end = part { requestIsRead = true }
                return part
            }
            if await stream.readMore() { continue }
            guard stream.inputIsOpen else { throw clientIsGone }
            return nil
        }
    }

    func stopWaiting() {
        stream.stopReading()
    }

    private func parse() throws(FlowError) -> BodyPart? {
        do {
            return try parser.next(from: &stream.unread)
        } catch {
            throw FlowError(.malformedRequest, error.message, status: error.status)
        }
    }

    private var clientIsGone: FlowError {
        if case .failed(let error as FlowError) = stream.input { return error }
        return .clientLeftRequest
    }

    /// The end of the request is then unknown, so no other request can follow it.
    func abandonRequest() {
        endsConnection = true
    }

    // MARK: The response

    func send(interim head: ResponseHead) {
        guard flow.request.version == .http11 else { return }
        write(
            ResponseHead(
                status: head.status,
                reason: reason(of: head.status, head.reason, in: head.version),
                version: .http11,
                fields: MessageRules.interimFields(of: head)
            )
        )
    }

    private func write(_ head: ResponseHead) {
        var buffer = client.loop.buffer()
        HTTP1Encoder.write(head, into: &buffer)
        stream.write(buffer)
    }

    /// The reason phrase; HTTP/2 has none.
    private func reason(of status: Int, _ reason: [UInt8], in version: HTTPVersion) -> [UInt8] {
        version == .http2 ? HTTPSyntax.reason(of: status) : reason
    }

    func send(_ response: HTTPResponse, _ body: OutgoingBody) {
        stream.write(head(of: response, mayHaveTrailers(response) ? .stream : body))
    }

    /// In HTTP/2, trailers may follow a body of any length. Here they require chunks (RFC 9110, section 6.5.1).
    private func mayHaveTrailers(_ response: HTTPResponse) -> Bool {
        response.version == .http2 && flow.request.version == .http11
            && (response.headers.contains("trailer") || flow.request.headers.hasElement("trailers", in: "te"))
    }

    func send(part: ByteBuffer) {
        stream.write(part, framing: outgoing)
    }

    func sendEnd(trailers: HeaderFields?) {
        if outgoing == .chunked { stream.writeEnd(trailers: trailers) }
    }

    func send(whole response: HTTPResponse) {
        let bytes = response.body.bytes ?? ByteBuffer()
        let isPlain = response.trailers == nil || flow.request.version == .http10
        let head = head(of: response, isPlain ? .length(UInt64(bytes.readableBytes)) : .stream)
        stream.write(body: bytes, framing: outgoing, trailers: response.trailers, after: head)
    }

    func refuse() -> Bool { false }

    /// The response head as the client's version and method require it.
    private func head(of response: HTTPResponse, _ body: OutgoingBody) -> ByteBuffer {
        var head = ResponseHead(
            status: response.status,
            reason: reason(of: response.status, response.reason, in: response.version),
            version: .http11,
            fields: response.headers
        )
        let peer = flow.request.version
        // A challenge from the server is for this proxy; one from the proxy or an addon is for the client.
        let challenge = response.origin == .server ? nil : head.fields.first("proxy-authenticate")
        MessageRules.removeHopByHop(from: &head.fields, of: .response)
        if let challenge { head.fields.append(name: "Proxy-Authenticate".utf8, value: challenge) }
        outgoing = MessageRules.setFraming(of: body, in: &head, toMethod: flow.request.method, peer: peer)
        // The announced connection state is final, whatever happens to a request that is still being sent.
        if outgoing == .untilClose || !persists { endsConnection = true }
        MessageRules.setPersistence(persists, with: peer, in: &head.fields)
        var buffer = client.loop.buffer()
        HTTP1Encoder.write(head, into: &buffer)
        return buffer
    }

    func send() -> Bool {
        stream.send()
        return stream.hasRoom
    }

    func untilRoom() async throws(FlowError) {
        do {
            try await stream.untilRoom()
        } catch {
            throw FlowError(.clientDisconnected, "client disconnected: \(error)")
        }
    }

    // MARK: The end

    var tunnel: ByteStream? { stream }

    func send(upgrade response: HTTPResponse) {
        var head = ResponseHead(status: 101, reason: response.reason, version: .http11, fields: response.headers)
        MessageRules.removeFramingFields(from: &head.fields)
        if response.version == .http2 { complete(&head) }
        endsConnection = true
        write(head)
    }

    func send(connected response: HTTPResponse) {
        let head = ResponseHead(
            status: response.status,
            reason: response.reason,
            version: .http11,
            fields: response.headers
        )
        endsConnection = true
        write(head)
    }

    /// Adds what a 101 needs but HTTP/2 lacks (RFC 6455, section 4.2.2).
    private func complete(_ head: inout ResponseHead) {
        head.reason = HTTPSyntax.reason(of: 101)
        head.fields.set("Upgrade", "websocket")
        head.fields.set("Connection", "Upgrade")
        let key = WebSocketKey(flow.request.headers.first("sec-websocket-key") ?? [])
        head.fields.set("Sec-WebSocket-Accept", key.accept)
    }

    func finish() async {
        stream.stopReading()
        if !persists { await client.closeGracefully(requestIsRead: requestIsRead) }
    }

    func abort() {
        stream.close()
    }
}
