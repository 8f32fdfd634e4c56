import AddonProtocol
import NIOCore
import ProxyCodecs

/// The path of an exchange that switches to another protocol.
extension HTTPExchange {
    var upgradesToWebSocket: Bool {
        flow.request.upgradesToWebSocket && !client.isOurOwn
    }

    /// The last step at which addons can change the opening handshake. Afterwards, extensions that the proxy does not
    /// support are removed.
    func shakeHands() async throws(FlowError) {
        try await fire(.websocketHandshake)
        PerMessageDeflate.removeOtherOffers(from: &flow.request.headers)
    }

    /// After a 101, both sides speak another protocol: WebSocket, or one that the proxy treats as raw bytes.
    func upgrade(over server: any ServerSide, _ head: ResponseHead) async throws(FlowError) {
        guard flow.request.upgrades, !client.isOurOwn, let inner = clientSide.tunnel, let outer = server.tunnel else {
            throw FlowError(.malformedResponse, "the server switched to another protocol without being asked to")
        }
        guard clientSide.requestIsRead else {
            throw FlowError(.malformedResponse, "the server switched to another protocol before the end of the request")
        }
        let spoken = upgradesToWebSocket ? try compression(of: head.fields) : nil
        try await fireResponse()
        if let response = flow.response, response.status == 101 {
            if upgradesToWebSocket {
                try await speakWebSocket(between: inner, outer, server: spoken, after: response)
            } else {
                try await switchProtocols(response)
                await TCPExchange(client: client, server: outer, info: server.info).run()
            }
        } else {
            // An addon refuses the upgrade.
            try await sendHeld()
        }
        server.end()
    }

    private func speakWebSocket(
        between inner: ByteStream,
        _ outer: ByteStream,
        server spoken: PerMessageDeflate?,
        after response: HTTPResponse
    ) async throws(FlowError) {
        let session = try webSocket(between: inner, outer, server: spoken)
        try await switchProtocols(response)
        loop.counters.tunnels += 1
        await session.run()
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

    private func switchProtocols(_ response: HTTPResponse) async throws(FlowError) {
        flow.responseIsSent = true
        clientSide.send(upgrade: response)
        try await clientSide.flush()
        services.printer.print(flow, detail: options.flowDetail)
    }
}

extension HTTPRequest {
    /// Whether the server may answer with a 101. Upgrades to HTTP/2 without TLS are excluded, since addons could not
    /// see inside.
    var upgrades: Bool {
        guard headers.contains("upgrade") else { return false }
        guard !upgradesToWebSocket else { return true }
        let protocols = headers.tokens("upgrade")
        let others = [Array("websocket".utf8), Array("h2c".utf8)]
        return version == .http11 && !protocols.isEmpty && !protocols.contains { others.contains($0) }
    }

    /// A WebSocket handshake (RFC 6455, section 4.2.1); an extended CONNECT of HTTP/2 takes the same form.
    var upgradesToWebSocket: Bool {
        headers.contains("upgrade") && method == "GET" && version != .http10 && body.size == 0
            && headers.tokens("upgrade") == [Array("websocket".utf8)]
    }
}
