/// When a server is connected to.
package enum ConnectionStrategy: String, CaseIterable, Sendable {
    /// As soon as it is known where to.
    case eager
    /// When there is something to send to it.
    case lazy
}
