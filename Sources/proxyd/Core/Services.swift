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

    init(
        dispatcher: Dispatcher,
        options: OptionStore,
        log: Log,
        printer: FlowPrinter,
        authority: CertificateAuthority,
        keyLog: KeyLog?
    ) {
        self.dispatcher = dispatcher
        self.options = options
        self.log = log
        self.printer = printer
        self.authority = authority
        self.keyLog = keyLog
    }
}
