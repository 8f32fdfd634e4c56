/// When the proxy connects to a server.
package enum ConnectionStrategy: String, CaseIterable, Sendable {
    /// As soon as the destination is known.
    case eager
    /// Once there is something to send.
    case lazy
}
