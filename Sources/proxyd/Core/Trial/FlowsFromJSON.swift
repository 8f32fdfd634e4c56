import AddonProtocol
import NIOCore
import ProxyCodecs
import ProxyTLS

/// Builds flows and connections from snapshots; what a snapshot lacks gets the value of a new flow.
extension HTTPFlow {
    convenience init(reading json: JSONValue) {
        self.init(
            id: json["id"]?.stringValue ?? "",
            clientConnection: ConnectionInfo(reading: json["client_conn"] ?? .null, .client),
            request: HTTPRequest(reading: json["request"] ?? .null)
        )
        serverConnection = json.value("server_conn").map { ConnectionInfo(reading: $0, .server) }
        response = json.value("response").map(HTTPResponse.init(reading:))
        failure = FlowFailure(reading: json["error"])
        notes = FlowNotes(reading: json)
        replay = json["is_replay"]?.stringValue.flatMap(FlowReplay.init)
        revision = json["rev"]?.intValue ?? 0
        requestStream = json["request"]?["stream"].flatMap(StreamMode.init) ?? .off
        responseStream = json["response"]?["stream"].flatMap(StreamMode.init) ?? .off
    }
}

extension WebSocketFlow {
    convenience init(reading json: JSONValue) {
        let handshake = HTTPFlow(reading: json["handshake_flow"] ?? .null)
        (handshake.requestIsSent, handshake.responseIsSent) = (true, true)
        self.init(id: json["id"]?.stringValue ?? "", handshake: handshake)
        failure = FlowFailure(reading: json["error"])
        notes = FlowNotes(reading: json)
        revision = json["rev"]?.intValue ?? 0
        closedByClient = json["closed_by_client"]?.boolValue
        closeCode = json["close_code"]?.intValue
        closeReason = ByteBuffer(bytes: json["close_reason"]?.bytesValue ?? [])
        if let message = json["messages"]?.arrayValue?.last { begin(WebSocketMessage(reading: message)) }
        messageCount = json["message_count"]?.intValue ?? messageCount
    }
}

extension WebSocketMessage {
    fileprivate convenience init(reading json: JSONValue) {
        let payload = WebSocketPayload(
            type: json["type"]?.stringValue.flatMap(Kind.init) ?? .binary,
            content: ByteBuffer(bytes: json["content"]?.bytesValue ?? [])
        )
        self.init(payload, fromClient: json["from_client"] == true, injected: json["injected"] == true)
    }
}

extension HTTPRequest {
    fileprivate init(reading json: JSONValue) {
        self.init(
            method: json["method"]?.stringValue ?? "GET",
            scheme: json["scheme"]?.stringValue ?? "http",
            host: json["host"]?.stringValue ?? "",
            port: json["port"]?.intValue ?? 80,
            path: json["path"]?.bytesValue ?? [],
            authority: json["authority"]?.bytesValue ?? [],
            version: HTTPVersion(reading: json),
            headers: LazyJSON(json["headers"] ?? .null).headerFields,
            body: Body(reading: json),
            trailers: json.value("trailers").map { LazyJSON($0).headerFields },
            timestampStart: json["timestamp_start"]?.doubleValue ?? 0,
            timestampEnd: json["timestamp_end"]?.doubleValue
        )
    }
}

extension HTTPResponse {
    fileprivate init(reading json: JSONValue) {
        self.init(
            status: json["status_code"]?.intValue ?? 200,
            reason: json["reason"]?.bytesValue ?? [],
            version: HTTPVersion(reading: json),
            headers: LazyJSON(json["headers"] ?? .null).headerFields,
            body: Body(reading: json),
            trailers: json.value("trailers").map { LazyJSON($0).headerFields },
            timestampStart: json["timestamp_start"]?.doubleValue ?? 0,
            timestampEnd: json["timestamp_end"]?.doubleValue,
            origin: Origin(json["origin"]?.stringValue ?? "server")
        )
    }
}

extension HTTPResponse.Origin {
    fileprivate init(_ name: String) {
        switch name {
        case "server": self = .server
        case "proxy": self = .proxy
        default: self = .addon(String(name.dropFirst("addon:".count)))
        }
    }
}

extension HTTPVersion {
    fileprivate init(reading message: JSONValue) {
        switch message["http_version"]?.stringValue {
        case HTTPVersion.http10.name: self = .http10
        case HTTPVersion.http2.name: self = .http2
        default: self = .http11
        }
    }
}

extension Body {
    fileprivate init(reading message: JSONValue) {
        self.init(
            bytes: message["content"]?.bytesValue.map { ByteBuffer(bytes: $0) },
            isComplete: message["content_complete"] == true,
            size: message["content_size"]?.intValue ?? 0
        )
    }
}

extension FlowFailure {
    fileprivate init?(reading json: JSONValue?) {
        guard let json, let kind = json["kind"]?.stringValue.flatMap(FlowError.Kind.init) else { return nil }
        error = FlowError(kind, json["msg"]?.stringValue ?? "")
        timestamp = json["timestamp"]?.doubleValue ?? 0
    }
}

extension FlowNotes {
    init(reading flow: JSONValue) {
        self.init()
        for member in flow.members ?? [] { _ = try? apply(member, .usual) }
    }
}

extension ConnectionInfo {
    enum Reading { case client, server }

    convenience init(reading json: JSONValue, _ side: Reading) {
        let mode = json["proxy_mode"]?.stringValue ?? "regular"
        self.init(id: json["id"]?.stringValue ?? "", side: side == .client ? .client(mode: mode) : .server, number: 1)
        peername = Address(reading: json["peername"])
        sockname = Address(reading: json["sockname"])
        error = json["error"]?.stringValue
        timestampStart = json["timestamp_start"]?.doubleValue
        timestampTCPSetup = json["timestamp_tcp_setup"]?.doubleValue
        timestampTLSSetup = json["timestamp_tls_setup"]?.doubleValue
        timestampEnd = json["timestamp_end"]?.doubleValue
        if json["tls"] == true { tls = TLS(reading: json) } else { plannedServerName = json["sni"]?.stringValue }
        guard side == .server else { return }
        address = Address(reading: json["address"])
        via = json.value("via").flatMap { try? UpstreamProxy($0, at: "via") }
    }
}

extension ConnectionInfo.TLS {
    fileprivate init(reading json: JSONValue) {
        version = json["tls_version"]?.stringValue
        cipher = json["cipher"]?.stringValue
        alpn = json["alpn"]?.stringValue
        alpnOffers = (json["alpn_offers"]?.arrayValue ?? []).compactMap(\.stringValue)
        serverName = json["sni"]?.stringValue
        certificates = (json["certificate_list"]?.arrayValue ?? []).compactMap(\.stringValue)
        mitmCertificate = json["mitmcert"]?.stringValue
        ja4 = json["ja4"]?.stringValue
        isEstablished = version != nil
    }
}

extension ConnectionInfo.Address {
    init?(reading json: JSONValue?) {
        guard let json, let address = try? Self(json, at: "address") else { return nil }
        self = address
    }
}

extension JSONValue {
    /// The member, unless it is null.
    func value(_ name: String) -> JSONValue? { self[name].flatMap { $0.isNull ? nil : $0 } }
}
