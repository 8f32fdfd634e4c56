import AddonProtocol

/// The subject of `socks5_auth`: a name and a password, which an addon may accept or reject.
final class SOCKS5AuthEvent: EventSubject {
    private let client: ConnectionInfo
    private let credentials: BasicCredentials
    private(set) var isValid: Bool

    /// - Parameter isValid: whether `proxyauth` accepts them; false without that option.
    init(client: ConnectionInfo, credentials: BasicCredentials, isValid: Bool) {
        self.client = client
        self.credentials = credentials
        self.isValid = isValid
    }

    var connection: ConnectionInfo? { client }

    func writeArguments(_ shape: SnapshotShape, into writer: inout JSONWriter) {
        writer.key("client_conn")
        writer.raw(client.json)
        writer.field("username", credentials.username)
        writer.field("password", credentials.password)
    }

    func apply(
        _ patch: JSONValue,
        of name: String,
        by addon: String,
        view: SnapshotShape,
        sent: () -> JSONValue
    ) throws(PatchRefusal)
        -> Bool
    {
        switch name {
        case "valid":
            isValid = try patch.bool(at: "valid")
            return false
        case "client_conn", "username", "password":
            guard patch.pruned(against: sent()) != nil else { return false }
            throw .readOnly(name)
        default:
            throw PatchRefusal(name, "no such argument; allowed: valid, action, stop")
        }
    }
}
