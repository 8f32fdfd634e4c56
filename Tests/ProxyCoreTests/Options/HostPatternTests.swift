import AddonProtocol
import Testing

@testable import ProxyCodecs
@testable import ProxyCore

@Suite struct HostPatternTests {
    private func options(ignore: [String] = [], allow: [String] = []) -> Options {
        var options = Options()
        options.ignoreHosts = ignore.compactMap(HostPattern.init(parsing:))
        options.allowHosts = allow.compactMap(HostPattern.init(parsing:))
        return options
    }

    @Test(
        arguments: [
            (["example"], [], true), (["EXAMPLE\\.test:443$"], [], true), (["^test"], [], false), ([":80$"], [], false),
            ([], ["example"], false), ([], ["other"], true), (["example"], ["example"], true), ([], [], false),
        ] as [([String], [String], Bool)]
    )
    func `which hosts are ignored`(ignore: [String], allow: [String], isIgnored: Bool) {
        #expect(options(ignore: ignore, allow: allow).ignores(["10.0.0.1:443", "www.example.test:443"]) == isIgnored)
    }

    @Test(arguments: ["(", "", "["]) func `what is no expression`(text: String) {
        #expect(HostPattern(parsing: text) == nil)
    }
}
