import Testing

@testable import ProxyCodecs
@testable import ProxyCore

struct AddonSocketPathTests {
    @Test func `an option is stronger`() {
        var options = Options()
        options.addonSocket = UserPath("/x/y.sock")
        #expect(options.addonSocketPath == "/x/y.sock")
    }
}
