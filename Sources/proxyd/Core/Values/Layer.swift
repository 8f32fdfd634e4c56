/// How a connection can be interpreted, by the names that addons use.
enum Layer: String, CaseIterable, Sendable {
    case tls
    case http1
    case http2
    case websocket
    /// Raw bytes that addons see.
    case tcp
    /// Raw bytes that pass through unseen.
    case passthrough
    /// Nothing: the proxy closes the connection.
    case close

    /// Why an addon cannot choose this layer; nil when it can.
    var refusal: String? {
        switch self {
        case .websocket: "WebSocket begins with an upgrade of HTTP/1 and cannot be chosen"
        case .tls, .http1, .http2, .tcp, .passthrough, .close: nil
        }
    }

    /// Whether the layer needs a server to pass bytes to.
    var needsServer: Bool { self == .tcp || self == .passthrough }

    /// What addons may choose, as text for users.
    static let choices = allCases.filter { $0.refusal == nil }.map(\.rawValue).joined(separator: ", ")
}

extension Layer {
    /// - Parameter path: the place in the reply, for errors.
    init(named name: String, at path: String) throws(PatchRefusal) {
        guard let layer = Layer(rawValue: name) else {
            throw PatchRefusal(path, "\"\(name)\" is not a layer; allowed: \(Self.choices)")
        }
        if let refusal = layer.refusal { throw PatchRefusal(path, "\(refusal); allowed: \(Self.choices)") }
        self = layer
    }
}
