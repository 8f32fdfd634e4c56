import Foundation
import Glibc
import Testing

@testable import ProxyCodecs
@testable import ProxyCore

struct AddonProcessEnvironmentTests {
    private func environment(_ change: (inout AddonSpec) -> Void = { _ in }) -> [String: String] {
        var spec = AddonSpec(name: "a", command: "run")
        change(&spec)
        let variables = environmentOfAddon(spec, socketPath: "/s.sock", token: "t").map { variable in
            let parts = variable.split(separator: "=", maxSplits: 1, omittingEmptySubsequences: false)
            return (String(parts[0]), String(parts[1]))
        }
        return Dictionary(uniqueKeysWithValues: variables)
    }

    @Test func `an addon finds its way back, whatever its entry says`() {
        let variables = environment { $0.environment = ["PROXYD_ADDON_TOKEN": "x", "MODE": "a=b"] }
        #expect(variables["PROXYD_ADDON_SOCKET"] == "/s.sock" && variables["PROXYD_ADDON_TOKEN"] == "t")
        #expect(variables["MODE"] == "a=b")
    }

    @Test func `it inherits the daemon's, unless it is to have its own alone`() {
        setenv("PROXYD_TEST_INHERITED", "yes", 1)
        defer { unsetenv("PROXYD_TEST_INHERITED") }
        #expect(environment()["PROXYD_TEST_INHERITED"] == "yes")
        let own = environment { $0.inheritsEnvironment = false }
        #expect(Set(own.keys) == ["PATH", "PROXYD_ADDON_SOCKET", "PROXYD_ADDON_TOKEN"])
    }

    @Test func `the inspector's token that the daemon has inherited is for no addon`() {
        setenv(BundledInspector.tokenVariable, "secret", 1)
        defer { unsetenv(BundledInspector.tokenVariable) }
        #expect(environment()[BundledInspector.tokenVariable] == nil)
        let own = environment { $0.environment = [BundledInspector.tokenVariable: "own"] }
        #expect(own[BundledInspector.tokenVariable] == "own")
    }

    @Test func `one that runs as a user has that user's home`() throws {
        let root = try SystemUser("root")
        let variables = environment { $0.user = "root" }
        #expect(variables["HOME"] == root.home && variables["USER"] == "root" && variables["LOGNAME"] == "root")
    }

    @Test func `tokens are 128 bits in hex, and no two are alike`() {
        let tokens = Set((0..<100).map { _ in randomToken() })
        #expect(tokens.count == 100)
        #expect(tokens.allSatisfy { $0.utf8.count == 32 && $0.allSatisfy(\.isHexDigit) })
    }
}
