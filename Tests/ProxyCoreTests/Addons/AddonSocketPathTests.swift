import Testing

@testable import ProxyCore

struct AddonSocketPathTests {
    @Test(arguments: [
        ("/run/user/1000", 1_000, "/run/user/1000/proxyd/addon.sock"),
        ("/run/user/0", 0, "/run/user/0/proxyd/addon.sock"), (nil, 0, "/run/proxyd/addon.sock"),
        (nil, 1_000, "/tmp/proxyd-1000/addon.sock"), ("", 1_000, "/tmp/proxyd-1000/addon.sock"),
        ("relative", 1_000, "/tmp/proxyd-1000/addon.sock"),
    ])
    func `the default depends on the user`(runtimeFolder: String?, uid: UInt32, path: String) {
        #expect(defaultAddonSocketPath(runtimeFolder: runtimeFolder, uid: uid) == path)
    }

    @Test func `an option is stronger`() {
        var options = Options()
        options.addonSocket = UserPath("/x/y.sock")
        #expect(options.addonSocketPath == "/x/y.sock")
    }
}
