import AddonProtocol
import NIOCore
import ProxyCodecs

/// The path through an upstream proxy: TLS to the proxy if it needs that, then a CONNECT (RFC 9110, section 9.3.6) to
/// the server behind it.
struct UpstreamTunnel {
    let client: Client
    let connection: UpstreamConnection
    let proxy: UpstreamProxy
    /// The interruption of whoever wants the connection.
    let interruption: Interruption

    private var loop: FlowLoop { client.loop }
    private var services: Services { client.services }

    /// - Parameter forRequests: whether only plain HTTP requests follow, which need no tunnel, since each names its
    ///   destination.
    func enter(forRequests: Bool) async throws(FlowError) {
        if proxy.scheme == .https {
            let connector = UpstreamConnector(client: client, interruption)
            _ = try await connector.shakeHands(on: connection, with: proxy.host)
        }
        connection.takesAbsoluteForm = forRequests
        if !forRequests { try await connect() }
    }

    // MARK: CONNECT

    private func connect() async throws(FlowError) {
        let flow = HTTPFlow(id: loop.makeID(), clientConnection: client.info, request: request)
        flow.serverConnection = connection.info
        loop.begin(flow) { error in
            interruption.interrupt(error)
            let isForWholeClient = interruption === client.interruption
            if isForWholeClient, error.kind != .timeout { client.stream.fail(error) }
            connection.stream.close()
        }
        loop.counters.flows += 1
        defer { loop.end(flow) }
        do throws(FlowError) {
            try await loop.dispatcher.ask(.httpConnectUpstream, flow, on: loop, interruption)
            try await exchange(flow)
        } catch {
            flow.failure = .init(error: error, timestamp: secondsSinceEpoch())
            flow.state = .done
            connection.info.error = error.message
            loop.dispatcher.notify(.httpConnectError, flow)
            connection.end()
            throw error
        }
        flow.state = .done
        loop.dispatcher.notify(.httpConnected, flow)
    }

    private var request: HTTPRequest {
        let server = connection.info.address ?? .init(host: proxy.host, port: proxy.port)
        let authority = server.description
        var headers = HeaderFields()
        headers.append("Host", authority)
        for value in client.via { headers.append(name: "Via".utf8, value: value) }
        return HTTPRequest(
            method: "CONNECT",
            scheme: "",
            host: server.host,
            port: server.port,
            path: [],
            authority: Array(authority.utf8),
            version: .http11,
            headers: headers,
            body: .empty,
            timestampStart: secondsSinceEpoch()
        )
    }

    private func exchange(_ flow: HTTPFlow) async throws(FlowError) {
        var headers = flow.request.headers
        // Added last, so that addons do not see it.
        if let credentials = loop.options.upstreamAuth, headers.first("proxy-authorization") == nil {
            headers.append("Proxy-Authorization", credentials.field)
        }
        let target = Authority(host: flow.request.host, port: flow.request.port).description(defaultPort: nil)
        var buffer = loop.buffer()
        HTTP1Encoder.write(
            RequestHead(
                method: "CONNECT",
                target: Array(target.utf8),
                version: .http11,
                fields: headers
            ),
            into: &buffer
        )
        flow.requestIsSent = true
        flow.state = .connecting
        connection.stream.write(buffer)
        try? await connection.stream.flush()
        let head = try await answer()
        flow.response = HTTPResponse(head, hasBody: false)
        flow.responseIsSent = true
        guard (200..<300).contains(head.status) else {
            let status = "\(head.status) \(String(decoding: head.reason, as: UTF8.self))"
            throw FlowError(.connectFailed, "upstream proxy \(proxy) refused a tunnel to \(target): \(status)")
        }
    }

    /// Waits for the head of the proxy's final answer, for at most `connect_timeout`.
    private func answer() async throws(FlowError) -> ResponseHead {
        let stream = connection.stream
        let seconds = loop.options.connectTimeout
        let late = FlowError(.timeout, "upstream proxy \(proxy) did not answer CONNECT within \(seconds) s")
        let deadline = loop.eventLoop.scheduleTask(in: .seconds(Int64(seconds))) { stream.fail(late) }
        defer { deadline.cancel() }
        var parser = HTTP1HeadParser(limits: client.limits)
        while true {
            while let head = try next(&parser) {
                if !(100..<200).contains(head.status) { return head }
            }
            let more = await interruption.duringRead(of: stream)
            guard more else { throw interruption.error ?? goneError(late) }
        }
    }

    private func goneError(_ late: FlowError) -> FlowError {
        if case .failed(let error as FlowError) = connection.stream.input { return error }
        return FlowError(
            .serverDisconnected,
            "upstream proxy \(proxy) closed the connection before answering CONNECT"
        )
    }

    private func next(_ parser: inout HTTP1HeadParser) throws(FlowError) -> ResponseHead? {
        do {
            return try parser.response(from: &connection.stream.unread)
        } catch {
            throw FlowError(.malformedResponse, "the answer of upstream proxy \(proxy) is malformed: \(error.message)")
        }
    }
}
