import AddonProtocol

/// Which parts of a flow an addon is sent: its subscription's `include`, `exclude` and `body`, compiled once.
struct SnapshotShape: Hashable, Sendable {
    var fields: SnapshotFields
    var body: Subscription.Body
    /// Whether content is shown with its content codings removed.
    var decodes = false
    /// Whether the request's content is shown in full, whatever `body` says.
    var keepsRequest = false
    /// The values that are hidden.
    var redaction: Redaction?

    static let everything = SnapshotShape(fields: .all, body: .full)
    static let decoded = SnapshotShape(fields: .all, body: .full, decodes: true)

    /// How much of the request's content is shown.
    var requestBody: Subscription.Body { keepsRequest ? .full : body }

    /// - Throws: -32602 when a path does not exist in snapshots, or kept content is not shown.
    init(_ subscription: Subscription) throws(ProtocolError) {
        body = subscription.body
        decodes = subscription.decode
        fields = subscription.include.isEmpty ? .all : try SnapshotFields(paths: subscription.include)
        fields.subtract(try SnapshotFields(paths: subscription.exclude))
        keepsRequest = subscription.keep.contains(.requestContent)
        guard !keepsRequest || fields.contains(SnapshotFields.requestMessage.content) else {
            throw ProtocolError(
                code: ProtocolError.invalidParams,
                message: "keep: request.content is not shown, by include or exclude of \(subscription.event.rawValue)"
            )
        }
    }

    init(fields: SnapshotFields, body: Subscription.Body, decodes: Bool = false, redaction: Redaction? = nil) {
        self.fields = fields
        self.body = body
        self.decodes = decodes
        self.redaction = redaction
    }
}

/// A set of paths in a flow's snapshot. `id` and `type` are always sent.
struct SnapshotFields: OptionSet, Hashable, Sendable {
    let rawValue: UInt64

    /// Every path, in the snapshot's order; a path's position is its bit.
    private static let paths =
        namesOfFlow + namesOfRequest.map { "request." + $0 }
        + namesOfResponse.map { "response." + $0 } + namesOfOthers

    private static let namesOfFlow = [
        "client_conn", "server_conn", "error", "intercepted", "marked", "comment", "metadata", "is_replay",
        "timestamp_created", "rev",
    ]
    private static let namesOfRequest = [
        "method", "scheme", "host", "port", "path", "authority", "url", "http_version", "headers", "content",
        "trailers", "timestamp_start", "timestamp_end", "stream",
    ]
    private static let namesOfResponse = [
        "status_code", "reason", "http_version", "headers", "content", "trailers", "timestamp_start", "timestamp_end",
        "stream", "origin",
    ]
    private static let namesOfOthers = [
        "messages", "handshake_flow", "message_count", "closed_by_client", "close_code", "close_reason",
    ]

    static let all = SnapshotFields(rawValue: (1 << UInt64(paths.count)) - 1)

    init(rawValue: UInt64) {
        self.rawValue = rawValue
    }

    private init(bit: UInt64) {
        self.init(rawValue: 1 << bit)
    }

    /// Reads paths. A path includes everything below it; a leading `flow.` is ignored.
    init(paths: [String]) throws(ProtocolError) {
        var bits: UInt64 = 0
        for path in paths {
            let wanted = path.hasPrefix("flow.") ? String(path.dropFirst(5)) : path
            let matches = Self.paths.indices.filter {
                Self.paths[$0] == wanted || Self.paths[$0].hasPrefix(wanted + ".")
            }
            guard !matches.isEmpty || wanted == "id" || wanted == "type" else {
                throw ProtocolError(
                    code: ProtocolError.invalidParams,
                    message: "unknown snapshot path \"\(path)\"; known: \(Self.paths.joined(separator: ", "))"
                )
            }
            for bit in matches { bits |= 1 << UInt64(bit) }
        }
        self.init(rawValue: bits)
    }

    /// The paths that a patch names, and those that depend on them.
    init(named patch: JSONValue) {
        self.init()
        for member in patch.members ?? [] {
            switch member.name {
            case "request":
                for part in member.value.members ?? [] { insert(part.name, of: Self.namesOfRequest, from: .method) }
            case "response":
                for part in member.value.members ?? [] { insert(part.name, of: Self.namesOfResponse, from: .status) }
            default:
                insert(member.name, of: Self.namesOfFlow, from: .clientConnection)
                insert(member.name, of: Self.namesOfOthers, from: .messages)
            }
        }
        if !isDisjoint(with: [.scheme, .host, .port, .url]) {
            formUnion([.scheme, .host, .port, .path, .authority, Self.requestMessage.headers])
        }
        if contains(.status) { formUnion(.reason) }
    }

    /// - Parameter first: the field of the first name; those of the other names follow it.
    private mutating func insert(_ name: String, of names: [String], from first: SnapshotFields) {
        guard let index = names.firstIndex(of: name) else { return }
        formUnion(SnapshotFields(rawValue: first.rawValue << UInt64(index)))
    }

    static let clientConnection = SnapshotFields(bit: 0)
    static let serverConnection = SnapshotFields(bit: 1)
    static let error = SnapshotFields(bit: 2)
    static let intercepted = SnapshotFields(bit: 3)
    static let marked = SnapshotFields(bit: 4)
    static let comment = SnapshotFields(bit: 5)
    static let metadata = SnapshotFields(bit: 6)
    static let isReplay = SnapshotFields(bit: 7)
    static let timestampCreated = SnapshotFields(bit: 8)
    static let revision = SnapshotFields(bit: 9)

    static let request = SnapshotFields(rawValue: 0x3fff << 10)
    static let method = SnapshotFields(bit: 10)
    static let scheme = SnapshotFields(bit: 11)
    static let host = SnapshotFields(bit: 12)
    static let port = SnapshotFields(bit: 13)
    static let path = SnapshotFields(bit: 14)
    static let authority = SnapshotFields(bit: 15)
    static let url = SnapshotFields(bit: 16)
    static let requestVersion = SnapshotFields(bit: 17)
    static let requestMessage = MessageFields(headers: 18, content: 19, trailers: 20, start: 21, end: 22, stream: 23)

    static let response = SnapshotFields(rawValue: 0x3ff << 24)
    static let status = SnapshotFields(bit: 24)
    static let reason = SnapshotFields(bit: 25)
    static let responseVersion = SnapshotFields(bit: 26)
    static let responseMessage = MessageFields(headers: 27, content: 28, trailers: 29, start: 30, end: 31, stream: 32)
    static let origin = SnapshotFields(bit: 33)
    /// Of TCP and WebSocket flows.
    static let messages = SnapshotFields(bit: 34)
    static let handshakeFlow = SnapshotFields(bit: 35)
    static let messageCount = SnapshotFields(bit: 36)
    static let closedByClient = SnapshotFields(bit: 37)
    static let closeCode = SnapshotFields(bit: 38)
    static let closeReason = SnapshotFields(bit: 39)

    /// Whether bodies or messages are included.
    var showsContent: Bool {
        !isDisjoint(with: [Self.requestMessage.content, Self.responseMessage.content, .messages])
    }

    /// The paths that requests and responses have in common.
    struct MessageFields: Sendable {
        let headers: SnapshotFields
        let content: SnapshotFields
        let trailers: SnapshotFields
        let start: SnapshotFields
        let end: SnapshotFields
        let stream: SnapshotFields

        fileprivate init(headers: UInt64, content: UInt64, trailers: UInt64, start: UInt64, end: UInt64, stream: UInt64)
        {
            self.headers = SnapshotFields(bit: headers)
            self.content = SnapshotFields(bit: content)
            self.trailers = SnapshotFields(bit: trailers)
            self.start = SnapshotFields(bit: start)
            self.end = SnapshotFields(bit: end)
            self.stream = SnapshotFields(bit: stream)
        }
    }
}
