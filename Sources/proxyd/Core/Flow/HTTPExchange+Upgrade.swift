import AddonProtocol
import NIOCore

/// The way of an exchange that becomes another protocol.
extension HTTPExchange {
    /// RFC 6455, section 4.2.1.
    var upgradesToWebSocket: Bool {
        flow.request.method == "GET" && flow.request.version == .http11 && flow.request.body.size == 0
            && !client.isOurOwn && flow.request.headers.tokens("upgrade") == [Array("websocket".utf8)]
    }

    /// The last that addons can change of the opening handshake; what is not understood here is not offered.
    func shakeHands() async throws(FlowError) {
        try await fire(.websocketHandshake)
        PerMessageDeflate.removeOtherOffers(from: &flow.request.headers)
    }

    /// After a 101 the two sides speak another protocol: WebSocket, or one that is relayed as it is.
    func upgrade(over upstream: UpstreamConnection, _ head: ResponseHead) async throws(FlowError) {
        let spoken = upgradesToWebSocket ? try compression(of: head.fields) : nil
        try await fireResponse()
        let session = upgradesToWebSocket ? try webSocket(over: upstream, server: spoken) : nil
        try await switchProtocols()
        if let session {
            await session.run()
        } else {
            await Relay(client: client.stream, server: upstream.stream).run()
        }
    }

    private func webSocket(
        over upstream: UpstreamConnection,
        server: PerMessageDeflate?
    ) throws(FlowError) -> WebSocketSession {
        let spoken = try compression(of: flow.response?.headers ?? HeaderFields())
        return try WebSocketSession(flow, client, upstream, spoken: (client: spoken, server: server))
    }

    private func compression(of fields: HeaderFields) throws(FlowError) -> PerMessageDeflate? {
        do {
            return try PerMessageDeflate(negotiatedIn: fields)
        } catch {
            throw FlowError(.malformedResponse, error.message)
        }
    }

    private func switchProtocols() async throws(FlowError) {
        guard let response = flow.response else { return }
        var buffer = loop.buffer()
        HTTP1Encoder.write(
            ResponseHead(status: 101, reason: response.reason, version: .http11, fields: response.headers),
            into: &buffer
        )
        flow.responseIsSent = true
        endsConnection = true
        client.stream.write(buffer)
        try await flushClient()
        loop.counters.tunnels += 1
    }
}
