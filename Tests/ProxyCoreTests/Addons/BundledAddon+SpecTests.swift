import Testing

@testable import ProxyCodecs
@testable import ProxyCore

struct BundledAddonSpecTests {
    @Test func `it is run by this program, without a shell around it, whatever its arguments hold`() {
        let spec = BundledAddon(name: "x", option: "rules", arguments: ["rules", "it's", "$HOME"]).spec
        #expect(spec.name == "x" && spec.onFailure == nil)
        #expect(spec.command == "exec '\(AddonProcess.ownProgram)' 'rules' 'it'\\''s' '$HOME'")
    }
}
