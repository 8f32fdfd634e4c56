import NIOCore
import ProxyTLS

/// What all connections of the daemon share.
final class Services: Sendable {
    let log: Log
    let connections: Connections
    let rounds = Rounds()
    /// The name of this daemon in Via.
    let viaName = Via.makeName()
    let printer: FlowPrinter
    let authority: CertificateAuthority
    let keyLog: KeyLog?

    init(
        log: Log,
        connections: Connections,
        printer: FlowPrinter,
        authority: CertificateAuthority,
        keyLog: KeyLog?
    ) {
        self.log = log
        self.connections = connections
        self.printer = printer
        self.authority = authority
        self.keyLog = keyLog
    }
}
