import AddonProtocol
import NIOCore
import ProxyTLS

/// A CONNECT request and what comes through the tunnel: TLS, whose content is seen, plain HTTP, or bytes as they are.
struct ConnectTunnel {
    let client: ClientConnection
    let flow: HTTPFlow

    private var loop: LoopContext { client.loop }
    private var services: Services { client.services }
    private var destination: (host: String, port: Int) { (flow.request.host, flow.request.port) }

    func run() async {
        loop.flows[flow.id] = flow
        loop.counters.flows += 1
        let upstream = await open()
        loop.flows[flow.id] = nil
        guard let upstream else { return await client.closeGracefully(requestIsRead: true) }
        await carry(upstream)
    }

    // MARK: The CONNECT itself

    /// - Returns: the connection to the tunnel's other end, once the client has been told of it; nil if there is none.
    private func open() async -> UpstreamConnection? {
        do {
            try await services.dispatcher.ask(.httpConnect, flow, on: loop, client.interruption)
            if let response = flow.response, !(200..<300).contains(response.status) {
                try await send(response)
                return nil
            }
            flow.state = .connecting
            let upstream = try await UpstreamConnector(client: client).connectPlain(
                to: .init(scheme: "", host: destination.host, port: destination.port), isTLS: false)
            flow.serverConnection = upstream.info
            flow.requestIsSent = true
            try await accept(upstream)
            return upstream
        } catch {
            await fail(client.interruption.error ?? error)
            return nil
        }
    }

    private func accept(_ upstream: UpstreamConnection) async throws(FlowError) {
        var response = flow.response ?? .connectionEstablished
        response.body = .empty
        response.headers.remove("content-length")
        response.headers.remove("transfer-encoding")
        var buffer = loop.buffer()
        HTTP1Encoder.write(ResponseHead(response), into: &buffer)
        try await write(buffer)
    }

    private func send(_ response: HTTPResponse) async throws(FlowError) {
        var head = ResponseHead(response)
        let body = response.body.bytes ?? ByteBuffer()
        let framing = MessageRules.setFraming(
            of: .length(UInt64(body.readableBytes)), in: &head, toMethod: "CONNECT", peer: flow.request.version)
        MessageRules.setPersistence(false, with: flow.request.version, in: &head.fields)
        var buffer = loop.buffer()
        HTTP1Encoder.write(head, into: &buffer)
        client.stream.write(body: body, framing: framing, trailers: nil, after: buffer)
        try await write(ByteBuffer())
    }

    private func write(_ bytes: ByteBuffer) async throws(FlowError) {
        client.stream.write(bytes)
        do {
            try await client.stream.flush()
        } catch {
            throw FlowError(.clientDisconnected, "client disconnected: \(error)")
        }
    }

    private func fail(_ error: FlowError) async {
        loop.counters.errors += 1
        flow.failure = .init(error: error, timestamp: secondsSinceEpoch())
        do {
            try await services.dispatcher.ask(.error, flow, on: loop, Interruption())
        } catch {
            if error.kind == .killed { return client.stream.close() }
        }
        guard error.isAnswered else { return client.stream.close() }
        try? await send(flow.response ?? .page(for: error))
    }

    // MARK: What comes through

    private func carry(_ upstream: UpstreamConnection) async {
        switch await guess(upstream) {
        case .tls:
            await carryTLS(upstream)
        case .http1:
            await serve("http", over: upstream)
        case .tcp:
            await relay(upstream)
        case nil:
            return
        }
    }

    private func serve(_ scheme: String, over upstream: UpstreamConnection?) async {
        let named = UpstreamConnection.Destination(scheme: scheme, host: destination.host, port: destination.port)
        if let upstream {
            upstream.destination = named
            client.upstreams.put(upstream)
        }
        client.isBusy = false
        await HTTP1Server(client: client, way: .tunnel(named)).serve()
    }

    private func relay(_ upstream: UpstreamConnection) async {
        loop.counters.tunnels += 1
        await Relay(client: client.stream, server: upstream.stream).run()
    }

    /// Looks at the first bytes of either side; nil when the client leaves without a word.
    private func guess(_ upstream: UpstreamConnection) async -> LayerGuess? {
        let stream = client.stream
        loop.start {
            if await upstream.stream.readMore() { stream.stopReading() }
        }
        defer { upstream.stream.stopReading() }
        while true {
            if let guess = LayerGuess(clientBytes: stream.unread.readableBytesView) { return guess }
            if upstream.stream.unread.readableBytes > 0 { return .tcp }
            guard await stream.readMore() || upstream.stream.unread.readableBytes > 0 else {
                return stream.unread.readableBytes > 0 ? .tcp : nil
            }
        }
    }

    // MARK: TLS

    private func carryTLS(_ upstream: UpstreamConnection) async {
        let stream = client.stream
        do {
            let handler = try TLSHandler.server(
                on: loop.eventLoop, alreadyRead: stream.unread, handshakeTimeout: Limits.tlsHandshake)
            try stream.insert(handler)
            let hello = try await handler.clientHello.get()
            client.info.tls = ConnectionInfo.TLS(alpnOffers: hello.alpnProtocols, serverName: hello.serverName)
            let certificate = await startTLS(upstream, hello)
            let leaf = try services.authority.leaf(
                for: LeafRequest(serverName: hello.serverName, connectHost: destination.host, upstream: certificate))
            handler.accept(settings(leaf))
            client.info.take(try await handler.handshake.get())
            client.info.tls?.mitmCertificate = leaf.pem
        } catch {
            client.info.error = "TLS with the client failed: \(error)"
            services.log.warn(
                "TLS with client \(client.info.peername?.description ?? "") for \(destination.host) failed: \(error)")
            return stream.close()
        }
        await carryInside(upstream)
    }

    /// Speaks TLS with the server as the client does with us. A failure is kept for the first request to be told.
    ///
    /// - Returns: the server's certificate, to make ours like it.
    private func startTLS(_ upstream: UpstreamConnection, _ hello: ClientHello) async -> PeerCertificate? {
        do {
            let session = try await UpstreamConnector(client: client).startTLS(
                on: upstream, serverName: hello.serverName ?? destination.host)
            return services.options.current.upstreamCert ? session.peerCertificates.first : nil
        } catch {
            let named = UpstreamConnection.Destination(
                scheme: "https", host: destination.host, port: destination.port)
            client.upstreams.put(error, of: named)
            return nil
        }
    }

    private func settings(_ leaf: LeafCertificate) -> TLSServerSettings {
        TLSServerSettings(
            leaf: leaf, alpnProtocols: ["http/1.1"],
            minimumVersion: MinimumTLSVersion(services.options.current.tlsVersionClientMin), keyLog: services.keyLog
        )
    }

    /// What the client's TLS holds: HTTP, or bytes that go to the server as they are, under its own TLS.
    private func carryInside(_ upstream: UpstreamConnection) async {
        guard upstream.stream.isOpen else { return await serve("https", over: nil) }
        switch await guess(upstream) {
        case .http1: await serve("https", over: upstream)
        case .tls, .tcp: await relay(upstream)
        case nil: return
        }
    }
}

extension HTTPResponse {
    fileprivate static var connectionEstablished: HTTPResponse {
        let now = secondsSinceEpoch()
        return HTTPResponse(
            status: 200, reason: Array("Connection established".utf8), version: .http11, headers: HeaderFields(),
            body: .empty, timestampStart: now, timestampEnd: now, origin: .proxy
        )
    }
}

extension ResponseHead {
    fileprivate init(_ response: HTTPResponse) {
        self.init(
            status: response.status, reason: response.reason, version: .http11, fields: response.headers)
    }
}
