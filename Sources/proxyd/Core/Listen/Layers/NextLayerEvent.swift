import AddonProtocol
import NIOCore

/// The subject of `next_layer`: the daemon's choice for the next layer, and the bytes that it is based on.
final class NextLayerEvent: EventSubject {
    private(set) var layer: Layer
    private let client: Client
    private let server: UpstreamConnection?
    private let serverInfo: () -> ConnectionInfo?
    private let hasDestination: Bool

    /// - Parameters:
    /// - serverInfo: the server connection to show, whether it exists or not.
    /// - hasDestination: whether the bytes have a known destination.
    init(
        _ layer: Layer,
        client: Client,
        server: UpstreamConnection?,
        serverInfo: @escaping () -> ConnectionInfo?,
        hasDestination: Bool
    ) {
        self.layer = layer
        self.client = client
        self.server = server
        self.serverInfo = serverInfo
        self.hasDestination = hasDestination
    }

    var connection: ConnectionInfo? { client.info }

    func writeArguments(_ shape: SnapshotShape, into writer: inout JSONWriter) {
        writer.key("layer")
        writer.beginObject()
        writer.field("name", layer.rawValue)
        writer.field("layers", client.layers.map(\.rawValue))
        writer.key("client_conn")
        writer.raw(client.info.json)
        writer.field("server_conn", serverInfo())
        writer.key("data_client")
        writer.peeked(client.stream)
        writer.key("data_server")
        writer.peeked(server?.stream)
        writer.endObject()
    }

    func mayChange(_ argument: String) -> Bool { argument == "layer" }

    func apply(
        _ patch: JSONValue,
        of name: String,
        by addon: String,
        view: SnapshotShape,
        sent: () -> JSONValue
    ) throws(PatchRefusal)
        -> Bool
    {
        let choice = try Self.choice(patch, of: name, from: layer, hasDestination: hasDestination, sent: sent())
        guard let choice else { return false }
        layer = choice
        return true
    }

    /// The layer that a reply's patch of the argument `name` chooses; nil when the patch changes nothing.
    static func choice(
        _ patch: JSONValue,
        of name: String,
        from layer: Layer,
        hasDestination: Bool,
        sent: JSONValue
    ) throws(PatchRefusal) -> Layer? {
        guard name == "layer" else { throw PatchRefusal(name, "no such argument; allowed: layer, action, stop") }
        guard let patch = patch.pruned(against: sent) else { return nil }
        var choice = layer
        for member in try patch.object(at: "layer") {
            let path = "layer." + member.name
            guard member.name == "name" else {
                throw sent[member.name] != nil ? .readOnly(path) : PatchRefusal(path, "no such field; allowed: name")
            }
            choice = try Layer(named: try member.value.string(at: path), at: path)
        }
        guard hasDestination || !choice.needsServer else {
            throw PatchRefusal("layer.name", "\"\(choice.rawValue)\" has no destination here: this is the proxy itself")
        }
        return choice
    }
}

extension JSONWriter {
    /// Writes the unread bytes, up to `Limits.peekedBytes`.
    fileprivate mutating func peeked(_ stream: ByteStream?) {
        guard let stream, stream.unread.readableBytes > 0 else { return string("") }
        stream.unread.withUnsafeReadableBytes { bytes(UnsafeRawBufferPointer(rebasing: $0.prefix(Limits.peekedBytes))) }
    }
}
