import AddonProtocol
import NIOCore
import ProxyCodecs
import ProxyTLS

/// TLS with the client, and what must come before it.
extension LayerStack {
    /// What came of TLS with the client.
    enum TLSOutcome {
        /// TLS with the client is established; the value is the connection to the server in its present state.
        case accepted(UpstreamConnection?)
        /// The proxy has not answered, and the client's bytes are still unread.
        case ignored
        case failed
    }

    /// What addons have decided about the answer to the client.
    private struct TLSChoice {
        var certificate: LeafCertificate?
        var alpn: [String]?
    }

    /// Accepts the client's TLS, unless an addon wants it passed through.
    func acceptTLS(_ upstream: UpstreamConnection?) async -> TLSOutcome {
        let peeked = await clientHello()
        var isServerFirst = loop.options.connectionStrategy == .eager
        var choice = TLSChoice()
        if let peeked {
            // For protocols other than HTTP, only the server can say what the client gets.
            isServerFirst = isServerFirst || ALPN.namesOthers(peeked.alpnProtocols)
            let event = TLSClientHelloEvent(
                client: client.info,
                server: { self.serverInfo(upstream) },
                hello: peeked,
                establishesServerFirst: isServerFirst,
                hasDestination: hasDestination
            )
            do {
                try await loop.dispatcher.ask(.tlsClienthello, event, on: loop, client.interruption)
            } catch {
                return .failed
            }
            if event.ignoresConnection { return .ignored }
            isServerFirst = event.establishesServerFirst
            choice = TLSChoice(certificate: event.certificate, alpn: event.alpn)
        }
        guard client.stream.inputIsOpen else {
            return failed("the client closed the connection in the TLS handshake", upstream)
        }
        return await shakeHands(upstream, isServerFirst: isServerFirst, choice)
    }

    /// Peeks at the client's ClientHello; nil when the bytes are something else or the client leaves before the end.
    func clientHello() async -> ClientHello? {
        let stream = client.stream
        let timeout = FlowError(.timeout, "the client started TLS but did not finish its ClientHello")
        let deadline = loop.eventLoop.scheduleTask(in: Limits.tlsHandshake) { stream.fail(timeout) }
        defer { deadline.cancel() }
        while true {
            switch ClientHelloPeek(stream.unread) {
            case .complete(let hello): return hello
            case .malformed: return nil
            case .incomplete: guard await stream.readMore() else { return nil }
            }
        }
    }

    private func shakeHands(
        _ upstream: UpstreamConnection?,
        isServerFirst: Bool,
        _ choice: TLSChoice
    ) async -> TLSOutcome {
        let stream = client.stream
        var upstream = upstream
        do {
            let handler = try TLSHandler.server(
                on: loop.eventLoop,
                alreadyRead: stream.takeUnread(),
                handshakeTimeout: Limits.tlsHandshake
            )
            try stream.insert(handler)
            let hello = try await handler.clientHello.get()
            client.info.tls = ConnectionInfo.TLS(
                alpnOffers: hello.alpnProtocols,
                serverName: hello.serverName,
                ja4: hello.ja4
            )
            client.info.timestampTLSSetup = nil
            let server = ServerTLS(layers: self, hello: hello)
            server.takeNames()
            if isServerFirst { upstream = await server.start(upstream) }
            let settings = try settings(hello, upstream, choice)
            handler.accept(settings)
            client.info.take(try await handler.handshake.get())
            client.info.tls?.mitmCertificate = settings.leaf.pem
            notify(.tlsEstablishedClient, upstream)
            if !isServerFirst, upstream != nil { upstream = await server.start(upstream) }
            return .accepted(upstream)
        } catch {
            return failed("\(error)", upstream)
        }
    }

    private func notify(_ event: Event, _ upstream: UpstreamConnection?) {
        let outcome = TLSOutcomeEvent(client.info, client: client.info, server: { self.serverInfo(upstream) })
        loop.dispatcher.notify(event, outcome)
    }

    private func failed(_ reason: String, _ upstream: UpstreamConnection?) -> TLSOutcome {
        client.info.error = "TLS with the client failed: \(reason)"
        services.log.warn("TLS with client \(client.info.peername?.description ?? "") for \(host) failed: \(reason)")
        notify(.tlsFailedClient, upstream)
        return .failed
    }

    private func settings(
        _ hello: ClientHello,
        _ server: UpstreamConnection?,
        _ choice: TLSChoice
    ) throws -> TLSServerSettings {
        let options = loop.options
        let upstream = server?.peerCertificates ?? []
        let own = choice.certificate ?? loop.material.tls.certificates.leaf(for: hello.serverName ?? host)
        let request = LeafRequest(
            serverName: hello.serverName,
            connectHost: host,
            upstream: options.upstreamCert ? upstream.first : nil
        )
        var settings = TLSServerSettings(
            leaf: try own ?? services.authority.leaf(for: request),
            alpnProtocols: choice.alpn ?? alpn(hello, server),
            minimumVersion: TLSVersionLimit(options.tlsVersionClientMin),
            keyLog: services.keyLog
        )
        settings.extraChain = options.addUpstreamCertsToClientChain ? upstream : []
        settings.requestsClientCertificate = options.requestClientCert
        settings.ciphers = options.ciphersClient
        return settings
    }

    /// The client gets the server's choice. When it speaks to the proxy itself, both versions of HTTP are possible.
    private func alpn(_ hello: ClientHello, _ server: UpstreamConnection?) -> [String] {
        if case .proxy = way { return ALPN.offers(http2: loop.options.http2) }
        let session = server?.info.tls
        let isAsked = session?.isEstablished ?? false
        return ALPN.answers(to: hello.alpnProtocols, chosen: isAsked ? session?.alpn : nil, isAsked: isAsked)
    }
}
