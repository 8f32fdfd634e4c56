import ProxyTLS
import Testing

@testable import ProxyCodecs
@testable import ProxyCore

struct DoorkeeperTests {
    @Test(
        arguments: [
            ("8.8.8.8", true, false, false), ("8.8.8.8", false, true, true), ("10.0.0.1", true, false, true),
            ("10.0.0.1", true, true, false), ("169.254.0.1", true, true, false), ("127.0.0.1", true, true, true),
            ("::1", true, true, true), ("192.0.2.1", true, true, true),
        ] as [(String, Bool, Bool, Bool)]
    )
    func `who is let in`(address: String, blockGlobal: Bool, blockPrivate: Bool, isLetIn: Bool) {
        var options = Options()
        (options.blockGlobal, options.blockPrivate) = (blockGlobal, blockPrivate)
        #expect((Doorkeeper.refusal(of: IPAddress(address), options) == nil) == isLetIn)
    }
}
