import AddonProtocol
import NIOCore
import NIOHTTP2
import ProxyCodecs

/// The server's end of an HTTP/2 exchange: a single stream of its connection (RFC 9113, section 8.1).
final class HTTP2ServerSide: ServerSide, @unchecked Sendable {
    private let client: Client
    private let upstream: UpstreamConnection
    private let flow: HTTPFlow
    private let interruption: Interruption
    private let stream: HTTP2Stream
    private var head: (ResponseHead, isLast: Bool)?
    private var body = HTTP2Body(.none)
    private var bytes: ByteStream?

    init(
        _ upstream: UpstreamConnection,
        _ connection: HTTP2Connection,
        for client: Client,
        _ flow: HTTPFlow,
        _ interruption: Interruption
    ) {
        self.client = client
        self.upstream = upstream
        stream = HTTP2Stream(connection: connection)
        self.flow = flow
        self.interruption = interruption
    }

    var info: ConnectionInfo { upstream.info }

    // MARK: The request

    var takesMore: Bool { stream.isOpen }

    func send(_ request: HTTPRequest, _ body: OutgoingBody) {
        stream.isBeingSent = true
        open(with: request, body, isLast: body == .length(0))
    }

    func send(part: ByteBuffer) {
        stream.write(part, isLast: false)
    }

    func sendEnd(trailers: HeaderFields?) {
        stream.isBeingSent = false
        if let trailers {
            stream.write(HeaderFields(http2: [], trailers), isLast: true)
        } else {
            stream.write(ByteBuffer(), isLast: true)
        }
    }

    func send(whole request: HTTPRequest) {
        let bytes = request.body.bytes ?? ByteBuffer()
        let trailers = request.trailers
        open(
            with: request,
            .length(UInt64(bytes.readableBytes)),
            isLast: bytes.readableBytes == 0 && trailers == nil && !request.upgradesToWebSocket
        )
        if bytes.readableBytes > 0 { stream.write(bytes, isLast: trailers == nil) }
        if let trailers { sendEnd(trailers: trailers) }
    }

    func send() -> Bool {
        stream.send()
        return stream.hasRoom
    }

    func untilRoom() async {
        _ = await stream.untilRoom()
    }

    private func open(with request: HTTPRequest, _ body: OutgoingBody, isLast: Bool) {
        var fields = request.headers
        MessageRules.removeHopByHop(from: &fields, of: .request)
        upstream.authorize(&fields, for: client)
        if body != .length(0) || fields.contains("content-length") { MessageRules.setLength(of: body, in: &fields) }
        let authority = fields.first("host").map(Array.init) ?? Array(request.destinationText.utf8)
        var pseudo: [(StaticString, [UInt8])] = [
            (":method", Array(request.method.utf8)), (":scheme", Array(request.scheme.utf8)),
            (":authority", authority), (":path", request.path),
        ]
        if request.upgradesToWebSocket {
            pseudo[0].1 = Array("CONNECT".utf8)
            pseudo.append((":protocol", Array("websocket".utf8)))
            fields.remove("sec-websocket-key")
        }
        stream.write(HeaderFields(http2: pseudo, fields), isLast: isLast)
    }

    // MARK: The response

    func nextHead() async throws(FlowError) -> ResponseHead {
        guard let next = await next() else { throw isGone("before it answered") }
        guard case .headers(let block, let isLast) = next else {
            throw malformed(HTTP1Error(.badStatusLine, "a body without a head"))
        }
        do throws(HTTP1Error) {
            let head = try HTTP2Fields(block, of: .response).responseHead()
            guard head.status >= 200 || !isLast else {
                throw HTTP1Error(.badStatusLine, "the stream ends with an interim response")
            }
            self.head = (head, isLast)
            return try opensTunnel(head, isLast: isLast) ? head.asUpgrade : head
        } catch {
            throw malformed(error)
        }
    }

    private func opensTunnel(_ head: ResponseHead, isLast: Bool) throws(HTTP1Error) -> Bool {
        guard flow.request.upgradesToWebSocket, (200..<300).contains(head.status) else { return false }
        if isLast { throw HTTP1Error(.badStatusLine, "the server opened a tunnel and ended it at once") }
        return true
    }

    func responseLength() throws(FlowError) -> BodyLength {
        guard let (head, isLast) = head else { return .none }
        let hasBody = BodyFraming.hasBody(status: head.status, method: flow.request.method)
        do {
            let length = try BodyLength(head.fields, isLast: isLast && hasBody)
            guard hasBody else { return .none }
            body = HTTP2Body(length)
            return length == .none ? .known(0) : length
        } catch {
            throw malformed(error)
        }
    }

    func presentResponsePart() throws(FlowError) -> BodyPart? {
        if head?.isLast ?? false { return .end(trailers: nil) }
        return try stream.nextPresent().map { next throws(FlowError) in try part(next) }
    }

    func stopWaiting() {
        stream.stopReading()
    }

    func nextResponsePart() async throws(FlowError) -> BodyPart? {
        if head?.isLast ?? false { return .end(trailers: nil) }
        guard let next = await next() else {
            if stream.isOpen { return nil }
            throw interruption.error ?? isGone("before the end of its response")
        }
        return try part(next)
    }

    private func part(_ next: HTTP2Stream.Inbound) throws(FlowError) -> BodyPart {
        do {
            return try body.part(next, client.limits)
        } catch {
            throw malformed(error)
        }
    }

    /// Waits for more from the server, unless the client leaves.
    private func next() async -> HTTP2Stream.Inbound? {
        let stream = stream
        return await interruption.during({ await stream.next() }, cut: { _ in stream.reset(.cancel) })
    }

    private func malformed(_ error: HTTP1Error) -> FlowError {
        stream.reset(.protocolError)
        return FlowError(.malformedResponse, "the server's response is malformed: \(error.message)")
    }

    private func isGone(_ when: String) -> FlowError {
        if case .failed(let error as FlowError) = upstream.stream.input { return error }
        let failure = stream.failure ?? .refused
        return FlowError(
            .serverDisconnected,
            "server ended the exchange \(when): \(failure)",
            isRefusal: failure == .refused
        )
    }

    // MARK: The end

    var mayHaveBeenStale: Bool { false }

    var tunnel: ByteStream? {
        bytes = bytes ?? (try? HTTP2Tunnel.open(stream, on: client.loop))
        return bytes
    }

    func release(requestIsSent: Bool) {
        end()
    }

    /// Does nothing to a stream that both sides have ended.
    func end() {
        if let bytes { bytes.close() } else { stream.reset(.cancel) }
        if upstream.isRedirected { upstream.end() }
    }
}

extension ResponseHead {
    /// The 200 to an extended CONNECT as the equivalent 101 (RFC 8441, section 5).
    fileprivate var asUpgrade: ResponseHead {
        ResponseHead(status: 101, reason: reason, version: version, fields: fields)
    }
}
