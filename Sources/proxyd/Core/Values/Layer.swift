/// What a connection may be taken for, under the names that addons choose by.
enum Layer: String, CaseIterable, Sendable {
    case tls
    case http1
    case http2
    case websocket
    /// Bytes that addons see.
    case tcp
    /// Bytes that nobody sees.
    case passthrough
    /// Nothing: the connection is closed.
    case close

    /// Why an addon cannot have it; nil when it can.
    var refusal: String? {
        switch self {
        case .websocket: "WebSocket begins with an upgrade of HTTP/1 and cannot be chosen"
        case .tls, .http1, .http2, .tcp, .passthrough, .close: nil
        }
    }

    /// Whether it takes a server to pass bytes on to.
    var needsServer: Bool { self == .tcp || self == .passthrough }

    /// What addons may choose, for people.
    static let choices = allCases.filter { $0.refusal == nil }.map(\.rawValue).joined(separator: ", ")
}

extension Layer {
    /// - Parameter path: the place in the reply.
    init(named name: String, at path: String) throws(PatchRefusal) {
        guard let layer = Layer(rawValue: name) else {
            throw PatchRefusal(path, "\"\(name)\" is no layer; allowed: \(Self.choices)")
        }
        if let refusal = layer.refusal { throw PatchRefusal(path, "\(refusal); allowed: \(Self.choices)") }
        self = layer
    }
}
