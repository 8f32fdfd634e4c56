import AddonProtocol

/// The subject of `clientconnect` and `clientdisconnect`: the connection, with the layer to start with, `root_layer`.
final class ConnectionEvent: EventSubject {
    private let client: ConnectionInfo
    private let root: Root
    private var choice = Choice()

    /// The layer that a mode starts with unless an addon chooses another.
    enum Root {
        /// The first bytes decide.
        case firstBytes
        /// The first bytes decide, in a mode where the client's protocol names the destination.
        case firstBytesOfProxy
        case socks5
    }

    /// What an addon has chosen.
    private struct Choice: Equatable {
        var error: String?
        var address: ConnectionInfo.Address?
        var layer: Layer?
    }

    init(client: ConnectionInfo, root: Root) {
        self.client = client
        self.root = root
        choice.error = client.error
    }

    /// Where an addon sends everything on this connection.
    var serverAddress: ConnectionInfo.Address? { choice.address }
    /// The layer that an addon has chosen.
    var firstLayer: Layer? { choice.layer }

    var connection: ConnectionInfo? { client }

    func writeArguments(_ shape: SnapshotShape, into writer: inout JSONWriter) {
        writer.key("root_layer")
        writer.beginObject()
        writer.key("client_conn")
        writer.raw(client.json)
        writer.key("server_conn")
        writer.beginObject()
        writer.field("address", serverAddress)
        writer.endObject()
        writer.field("mode", client.proxyMode)
        writer.field("layers", layers)
        writer.key("options")
        writer.beginObject()
        writer.endObject()
        writer.endObject()
    }

    private var layers: [String] {
        if let layer = choice.layer { return [layer.rawValue] }
        return root == .socks5 ? ["socks5"] : []
    }

    func mayChange(_ argument: String) -> Bool { argument == "root_layer" }

    func apply(
        _ patch: JSONValue,
        of name: String,
        by addon: String,
        view: SnapshotShape,
        sent: () -> JSONValue
    ) throws(PatchRefusal)
        -> Bool
    {
        guard name == "root_layer" else { throw PatchRefusal(name, "no such argument; allowed: root_layer, action") }
        guard let patch = patch.pruned(against: sent()) else { return false }
        var choice = choice
        for member in try patch.object(at: "root_layer") {
            switch member.name {
            case "client_conn":
                choice.error = try Self.only("error", of: member.value, at: "root_layer.client_conn")
                    .map { value throws(PatchRefusal) in try value.string(at: "root_layer.client_conn.error") }
            case "server_conn":
                choice.address = try Self.only("address", of: member.value, at: "root_layer.server_conn")
                    .map { value throws(PatchRefusal) in try .init(value, at: "root_layer.server_conn.address") }
            case "layers": choice.layer = try Self.layer(member.value)
            default: throw .readOnly("root_layer." + member.name)
            }
        }
        try check(choice)
        self.choice = choice
        client.error = choice.error
        return true
    }

    /// Reads a list with a single layer; an empty one undoes any choice and gives nil.
    private static func layer(_ list: JSONValue) throws(PatchRefusal) -> Layer? {
        let path = "root_layer.layers"
        guard let names = list.arrayValue, names.count <= 1 else {
            throw PatchRefusal(path, "found \(list.shortText); allowed: [] or a list of one layer: \(Layer.choices)")
        }
        guard let name = names.first else { return nil }
        return try Layer(named: try name.string(at: path), at: path)
    }

    private func check(_ choice: Choice) throws(PatchRefusal) {
        guard let layer = choice.layer, layer.needsServer, root != .firstBytes, choice.address == nil else { return }
        throw PatchRefusal(
            "root_layer.layers",
            "\"\(layer.rawValue)\" needs a destination: root_layer.server_conn.address"
        )
    }

    /// The only member that may be patched; nil when it is null.
    private static func only(_ name: String, of patch: JSONValue, at path: String) throws(PatchRefusal) -> JSONValue? {
        var found: JSONValue?
        for member in try patch.object(at: path) {
            guard member.name == name else { throw .readOnly(path + "." + member.name) }
            found = member.value.isNull ? nil : member.value
        }
        return found
    }
}

extension ConnectionEvent.Root {
    init(_ mode: ProxyMode.Kind) {
        switch mode {
        case .regular, .upstream: self = .firstBytesOfProxy
        case .socks5: self = .socks5
        case .reverse, .transparent: self = .firstBytes
        }
    }
}
