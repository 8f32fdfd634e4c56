import Testing

@testable import ProxyCodecs
@testable import ProxyCore

struct StartWarningsTests {
    private func warnings(
        _ isRoot: Bool = false,
        addons: [AddonSpec] = [],
        _ change: (inout Options) -> Void
    ) -> [String] {
        var options = Options()
        options.confdir = UserPath("/nowhere")
        options.addons = addons
        change(&options)
        return StartWarnings(options, isRoot: isRoot).all
    }

    @Test func `a proxy that is open to everybody`() {
        let open = ["listens on 0.0.0.0:8080 without proxyauth: anyone who can reach it can use the proxy"]
        #expect(warnings { $0.listen = HostPort(host: "0.0.0.0", port: 8080) } == open)
        #expect(warnings { $0.mode = [ProxyMode(parsing: "socks5@0.0.0.0:8080")].compactMap(\.self) } == open)
        #expect(warnings { _ in }.isEmpty)
        #expect(
            warnings {
                $0.listen = HostPort(host: "0.0.0.0", port: 8080)
                $0.mode = [ProxyMode(parsing: "reverse:http://localhost:80"), ProxyMode(parsing: "transparent")]
                    .compactMap(\.self)
            }
            .isEmpty
        )
    }

    @Test func `addons that run as root`() {
        let addons = [AddonSpec(name: "a", command: "true"), AddonSpec(name: "b", command: "true")]
        #expect(
            warnings(true, addons: addons) { _ in } == ["runs as root, and so do the addons that it starts: a, b"]
        )
        var other = AddonSpec(name: "a", command: "true")
        other.user = "nobody"
        #expect(warnings(true, addons: [other]) { _ in }.isEmpty)
        #expect(warnings(false, addons: addons) { _ in }.isEmpty)
        #expect(warnings(true) { _ in }.isEmpty)
    }
}
