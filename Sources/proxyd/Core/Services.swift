import NIOCore
import ProxyTLS

/// What every connection of the daemon shares.
final class Services: Sendable {
    let dispatcher: Dispatcher
    let options: OptionStore
    let log: Log
    let printer: FlowPrinter
    let authority: CertificateAuthority
    let keyLog: KeyLog?
    let material: TLSMaterial
    /// Who may use the proxy; nil: everybody.
    let authenticator: ProxyAuthenticator?

    init(
        dispatcher: Dispatcher,
        options: OptionStore,
        log: Log,
        printer: FlowPrinter,
        authority: CertificateAuthority,
        keyLog: KeyLog?,
        material: TLSMaterial,
        authenticator: ProxyAuthenticator?
    ) {
        self.dispatcher = dispatcher
        self.options = options
        self.log = log
        self.printer = printer
        self.authority = authority
        self.keyLog = keyLog
        self.material = material
        self.authenticator = authenticator
    }
}
