import AddonProtocol

extension HandlerTable {
    mutating func addLayers(_ addon: any Addon) {
        if let addon = addon as? any NextLayerHandler {
            add(.nextLayer) { params in
                let layer = try await addon.nextLayer(LayerDecision(params.value))
                return layer.map { ["layer": ["name": .string($0.rawValue)]] } ?? [:]
            }
        }
        if let addon = addon as? any TLSClientHelloHandler {
            add(.tlsClienthello) { try await addon.tlsClientHello(TLSClientHello($0.value)).json }
        }
        if let addon = addon as? any ClientTLSHandler {
            addTLS(.tlsEstablishedClient) { connection, _ in try await addon.tlsEstablishedClient(connection) }
            addTLS(.tlsFailedClient) { try await addon.tlsFailedClient($0, error: $1) }
        }
        if let addon = addon as? any ServerTLSHandler {
            addTLS(.tlsEstablishedServer) { connection, _ in try await addon.tlsEstablishedServer(connection) }
            addTLS(.tlsFailedServer) { try await addon.tlsFailedServer($0, error: $1) }
        }
        if let addon = addon as? any TLSOutcomeHandler {
            for event in [Event.tlsEstablishedClient, .tlsFailedClient] { addOutcome(event, .client, addon) }
            for event in [Event.tlsEstablishedServer, .tlsFailedServer] { addOutcome(event, .server, addon) }
        }
    }

    private mutating func addOutcome(_ event: Event, _ side: TLSOutcome.Side, _ addon: any TLSOutcomeHandler) {
        add(event) { params in
            try await addon.tlsOutcome(TLSOutcome(side, params.value))
            return [:]
        }
    }

    private mutating func addTLS(
        _ event: Event,
        _ handle: @escaping @Sendable (_ connection: JSONValue, _ error: String) async throws -> Void
    ) {
        add(event) { params in
            let connection = params["conn"]?.value ?? .null
            try await handle(connection, connection.text("error"))
            return [:]
        }
    }

    mutating func addTCP(_ addon: any Addon) {
        if let addon = addon as? any TCPStartHandler { addFlow(.tcpStart) { try await addon.tcpStart($0) } }
        if let addon = addon as? any TCPMessageHandler { addFlow(.tcpMessage) { try await addon.tcpMessage($0) } }
        if let addon = addon as? any TCPErrorHandler { addFlow(.tcpError) { try await addon.tcpError($0) } }
        if let addon = addon as? any TCPEndHandler { addFlow(.tcpEnd) { try await addon.tcpEnd($0) } }
    }
}
