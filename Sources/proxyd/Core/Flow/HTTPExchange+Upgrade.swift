import AddonProtocol
import NIOCore

/// The way of an exchange that becomes another protocol.
extension HTTPExchange {
    var upgradesToWebSocket: Bool {
        flow.request.upgradesToWebSocket && !client.isOurOwn
    }

    /// The last that addons can change of the opening handshake; what is not understood here is not offered.
    func shakeHands() async throws(FlowError) {
        try await fire(.websocketHandshake)
        PerMessageDeflate.removeOtherOffers(from: &flow.request.headers)
    }

    /// After a 101 the two sides speak another protocol: WebSocket, or one that is relayed as it is.
    func upgrade(over server: any ServerSide, _ head: ResponseHead) async throws(FlowError) {
        guard let inner = clientSide.tunnel, let outer = server.tunnel else {
            throw FlowError(.malformedResponse, "the server switches to another protocol, which nobody asked for")
        }
        let spoken = upgradesToWebSocket ? try compression(of: head.fields) : nil
        try await fireResponse()
        let session = upgradesToWebSocket ? try webSocket(between: inner, outer, server: spoken) : nil
        try await switchProtocols()
        if let session {
            await session.run()
        } else {
            await Relay(client: inner, server: outer).run()
        }
        server.end()
    }

    private func webSocket(
        between inner: ByteStream,
        _ outer: ByteStream,
        server: PerMessageDeflate?
    ) throws(FlowError) -> WebSocketSession {
        let spoken = try compression(of: flow.response?.headers ?? HeaderFields())
        return try WebSocketSession(
            flow,
            client,
            between: (client: inner, server: outer),
            spoken: (client: spoken, server: server)
        )
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
        flow.responseIsSent = true
        clientSide.send(upgrade: response)
        try await clientSide.flush()
        loop.counters.tunnels += 1
    }
}

extension HTTPRequest {
    /// RFC 6455, section 4.2.1.
    var upgradesToWebSocket: Bool {
        method == "GET" && version == .http11 && body.size == 0
            && headers.tokens("upgrade") == [Array("websocket".utf8)]
    }
}
