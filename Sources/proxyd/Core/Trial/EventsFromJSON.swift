import AddonProtocol
import NIOCore
import ProxyTLS

/// Builds the subjects of events that are not about flows from the events' arguments.
extension ConnectionEvent {
    convenience init(reading layer: JSONValue) {
        let client = ConnectionInfo(reading: layer["client_conn"] ?? .null, .client)
        let mode = client.proxyMode ?? "regular"
        let isProxy = mode.hasPrefix("regular") || mode.hasPrefix("upstream")
        let isSOCKS = mode.hasPrefix("socks5")
        self.init(client: client, root: isSOCKS ? .socks5 : isProxy ? .firstBytesOfProxy : .firstBytes)
    }
}

extension TLSClientHelloEvent {
    convenience init(reading params: JSONValue) {
        func numbers(_ name: String) -> [UInt16] {
            (params["client_hello"]?[name]?.arrayValue ?? []).compactMap { $0.intValue.flatMap(UInt16.init(exactly:)) }
        }
        var hello = ClientHello()
        hello.serverName = params["client_hello"]?["sni"]?.stringValue
        hello.alpnProtocols = (params["client_hello"]?["alpn_protocols"]?.arrayValue ?? []).compactMap(\.stringValue)
        hello.firstALPNProtocol = Array((hello.alpnProtocols.first ?? "").utf8)
        hello.cipherSuites = numbers("cipher_suites")
        hello.extensions = numbers("extensions")
        let server = params.value("server_conn").map { ConnectionInfo(reading: $0, .server) }
        self.init(
            client: ConnectionInfo(reading: params["client_conn"] ?? .null, .client),
            server: { server },
            hello: hello,
            establishesServerFirst: true,
            hasDestination: true
        )
    }
}

extension ServerConnectEvent {
    convenience init(reading params: JSONValue) {
        self.init(
            server: ConnectionInfo(reading: params["server_conn"] ?? .null, .server),
            client: ConnectionInfo(reading: params["client_conn"] ?? .null, .client),
            usualTerms: .init(terms: ServerTLSTerms(reading: params["server_conn"] ?? .null))
        )
    }
}

extension ServerTLSTerms {
    fileprivate init(reading server: JSONValue) {
        func version(_ name: String) -> TLSVersionLimit? { server[name]?.stringValue.flatMap(TLSVersionLimit.init) }
        self.init()
        verifies = server["verify"]?.boolValue ?? verifies
        ciphers = server["ciphers"]?.stringValue
        minimumVersion = version("tls_version_min") ?? minimumVersion
        maximumVersion = version("tls_version_max") ?? maximumVersion
    }
}

extension SOCKS5AuthEvent {
    convenience init(reading params: JSONValue) {
        self.init(
            client: ConnectionInfo(reading: params["client_conn"] ?? .null, .client),
            credentials: BasicCredentials(
                username: params["username"]?.stringValue ?? "",
                password: params["password"]?.stringValue ?? ""
            ),
            isValid: false
        )
    }
}

extension BodyChunk {
    convenience init(reading params: JSONValue) {
        self.init(
            of: HTTPFlow(reading: params["flow"] ?? .null),
            ByteBuffer(bytes: params["data"]?.bytesValue ?? []),
            offset: params["offset"]?.intValue ?? 0,
            isEnd: params["end"] == true
        )
    }
}

/// The subject of `next_layer` without a connection.
final class NextLayerTrial: EventSubject {
    private let json: JSONValue

    init(_ layer: JSONValue) {
        json = layer
    }

    func writeArguments(_ shape: SnapshotShape, into writer: inout JSONWriter) {
        writer.key("layer")
        writer.value(json)
    }

    func mayChange(_ argument: String) -> Bool { argument == "layer" }

    func apply(
        _ patch: JSONValue,
        of name: String,
        by addon: String,
        view: SnapshotShape,
        sent: () -> JSONValue
    ) throws(PatchRefusal) -> Bool {
        let hasDestination = json["layers"]?.arrayValue?.isEmpty == false
        let layer = json["name"]?.stringValue.flatMap(Layer.init(rawValue:)) ?? .http1
        let choice = try NextLayerEvent.choice(
            patch,
            of: name,
            from: layer,
            hasDestination: hasDestination,
            sent: sent()
        )
        return choice != nil
    }
}

/// The subject of a `tcp_*` event without a connection.
final class TCPTrial: EventSubject {
    private let json: JSONValue
    private var change: TCPPatch

    init(_ flow: JSONValue) {
        json = flow
        let message = flow["messages"]?.arrayValue?.last.map { message in
            TCPMessage(
                fromClient: message["from_client"] == true,
                content: ByteBuffer(bytes: message["content"]?.bytesValue ?? []),
                injected: message["injected"] == true
            )
        }
        change = TCPPatch(notes: FlowNotes(reading: flow), message: message, limits: .usual)
    }

    func writeArguments(_ shape: SnapshotShape, into writer: inout JSONWriter) {
        writer.key("flow")
        writer.beginObject()
        for member in json.members ?? [] where shape.shows(member.name) {
            writer.key(text: member.name)
            if member.name == "messages" { writeMessage(shape, into: &writer) } else { writer.value(member.value) }
        }
        writer.endObject()
    }

    private func writeMessage(_ shape: SnapshotShape, into writer: inout JSONWriter) {
        writer.beginArray()
        change.message?.write(shape.body, into: &writer)
        writer.endArray()
    }

    func mayChange(_ argument: String) -> Bool { argument == "flow" }

    func apply(
        _ patch: JSONValue,
        of name: String,
        by addon: String,
        view: SnapshotShape,
        sent: () -> JSONValue
    ) throws(PatchRefusal) -> Bool {
        try change.apply(patch, of: name, view: view, sent: sent)
    }
}

extension SnapshotShape {
    /// Whether the flow has this member; members that every snapshot has always count.
    fileprivate func shows(_ name: String) -> Bool {
        (try? SnapshotFields(paths: [name])).map { fields.isSuperset(of: $0) } ?? true
    }
}
