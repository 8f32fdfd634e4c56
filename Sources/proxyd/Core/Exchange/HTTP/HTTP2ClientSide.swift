import AddonProtocol
import NIOCore
import NIOHTTP2
import ProxyCodecs

/// The client's end of an HTTP/2 exchange: a single stream of its connection (RFC 9113, section 8.1).
final class HTTP2ClientSide: ClientSide, @unchecked Sendable {
    /// What the client has asked for.
    private enum Way {
        case response
        /// A tunnel, unless the answer refuses it (RFC 9113, section 8.5; RFC 8441, section 4).
        case tunnel(LoopContext)
        case tunnelIsOpen(ByteStream)
    }

    private let stream: HTTP2Stream
    private let flow: HTTPFlow
    private let limits: HeadLimits
    private var body: HTTP2Body
    private var way = Way.response
    /// Whether the client violated the protocol on the stream, so that it is reset instead of answered.
    private var isMalformed: Bool
    let interruption = Interruption()
    let requestLength: BodyLength
    private(set) var requestIsRead: Bool

    init(
        _ stream: HTTP2Stream,
        _ flow: HTTPFlow,
        _ limits: HeadLimits,
        requestLength: BodyLength,
        isMalformed: Bool = false
    ) {
        self.stream = stream
        self.flow = flow
        self.limits = limits
        self.requestLength = requestLength
        self.isMalformed = isMalformed
        body = HTTP2Body(requestLength)
        requestIsRead = requestLength == .none
        let interruption = interruption
        stream.onFailure = {
            interruption.interrupt(FlowError(.clientDisconnected, "client disconnected: \($0)"))
        }
    }

    // MARK: The request

    var hasRequestPart: Bool { stream.hasInbound }

    func nextRequestPart() async throws(FlowError) -> BodyPart? {
        guard let next = await stream.next() else {
            if stream.isOpen { return nil }
            throw interruption.error ?? .clientLeftRequest
        }
        do {
            let part = try body.part(next, limits)
            if case .end = part { requestIsRead = true }
            return part
        } catch {
            isMalformed = true
            throw FlowError(.malformedRequest, error.message, status: error.status)
        }
    }

    func stopWaiting() {
        stream.stopReading()
    }

    func abandonRequest() {}

    // MARK: The response

    func send(interim head: ResponseHead) {
        write(status: head.status, MessageRules.interimFields(of: head), isLast: false)
    }

    func send(_ response: HTTPResponse, _ body: OutgoingBody) {
        write(head(of: response, body), isLast: body == .length(0) || !hasBody(response))
    }

    func send(part: ByteBuffer) {
        write(part, isLast: false)
    }

    func sendEnd(trailers: HeaderFields?) {
        if let trailers {
            write(HeaderFields(http2: [], trailers), isLast: true)
        } else {
            write(ByteBuffer(), isLast: true)
        }
    }

    func send(whole response: HTTPResponse) {
        let bytes = hasBody(response) ? response.body.bytes ?? ByteBuffer() : ByteBuffer()
        let trailers = hasBody(response) ? response.trailers : nil
        write(
            head(of: response, .length(UInt64(bytes.readableBytes))),
            isLast: bytes.readableBytes == 0 && trailers == nil
        )
        if bytes.readableBytes > 0 { write(bytes, isLast: trailers == nil) }
        if let trailers { sendEnd(trailers: trailers) }
    }

    private func hasBody(_ response: HTTPResponse) -> Bool {
        BodyFraming.hasBody(status: response.status, method: flow.request.method)
    }

    private func head(of response: HTTPResponse, _ body: OutgoingBody) -> HeaderFields {
        var fields = response.headers
        let challenge = response.origin == .server ? nil : fields.first("proxy-authenticate")
        MessageRules.removeHopByHop(from: &fields, of: .response)
        if let challenge { fields.append(name: "proxy-authenticate".utf8, value: challenge) }
        if hasBody(response) {
            MessageRules.setLength(of: body, in: &fields)
        } else {
            let method = flow.request.method
            MessageRules.removeFraming(from: &fields, status: response.status, toMethod: method, peer: .http2)
        }
        // A successful status would look like an accepted upgrade.
        if case .tunnel = way, (200..<300).contains(response.status) { stream.reset(.cancel) }
        return HeaderFields(http2: [(":status", Array(String(response.status).utf8))], fields)
    }

    private func write(status: Int, _ fields: HeaderFields, isLast: Bool) {
        var fields = fields
        MessageRules.removeHopByHop(from: &fields, of: .response)
        write(HeaderFields(http2: [(":status", Array(String(status).utf8))], fields), isLast: isLast)
    }

    private func write(_ head: HeaderFields, isLast: Bool) {
        if !isMalformed { stream.write(head, isLast: isLast) }
    }

    private func write(_ data: ByteBuffer, isLast: Bool) {
        if !isMalformed { stream.write(data, isLast: isLast) }
    }

    /// Sends REFUSED_STREAM (RFC 9113, section 8.7).
    func refuse() -> Bool {
        stream.reset(.refusedStream)
        return true
    }

    func send() -> Bool {
        stream.send()
        return stream.hasRoom
    }

    func untilRoom() async throws(FlowError) {
        guard await stream.untilRoom() || stream.outputEnded else {
            throw interruption.error ?? FlowError(.clientDisconnected, "client disconnected")
        }
    }

    // MARK: The end

    /// Makes the exchange a tunnel once the client's request is answered with success.
    func opensTunnel(on loop: LoopContext) {
        way = .tunnel(loop)
    }

    var tunnel: ByteStream? {
        if case .tunnelIsOpen(let bytes) = way { return bytes }
        let code = flow.request.method == "CONNECT" ? HTTP2ErrorCode.connectError : .cancel
        guard case .tunnel(let loop) = way, let bytes = try? HTTP2Tunnel.open(stream, on: loop, brokenBy: code) else {
            return nil
        }
        way = .tunnelIsOpen(bytes)
        return bytes
    }

    /// For an extended CONNECT, 200 means what 101 means in HTTP/1 (RFC 8441, section 5).
    func send(upgrade response: HTTPResponse) {
        var fields = response.headers
        fields.remove("sec-websocket-accept")
        write(status: 200, fields, isLast: false)
    }

    func send(connected response: HTTPResponse) {
        write(status: response.status, response.headers, isLast: false)
    }

    /// A client that has its answer need not send the rest of its request (RFC 9113, section 8.1).
    func finish() async {
        if case .tunnelIsOpen(let bytes) = way {
            await bytes.finishOutput()
            return bytes.close()
        }
        stream.stopReading()
        if isMalformed { return stream.reset(.protocolError) }
        guard stream.outputEnded else { return stream.reset(.internalError) }
        await stream.drain()
        if !stream.inputEnded { stream.reset(.noError) }
    }

    func abort() {
        if case .tunnelIsOpen(let bytes) = way { return bytes.close() }
        stream.reset(isMalformed ? .protocolError : .cancel)
    }
}
