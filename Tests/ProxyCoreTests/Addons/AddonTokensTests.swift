import Testing

@testable import ProxyCodecs
@testable import ProxyCore

struct AddonTokensTests {
    private let tokens = AddonTokens()
    private let spec = AddonSpec(name: "a", command: "run")

    @Test func `a token is good once, for what was started with it`() {
        tokens.expect(spec, token: "t")
        #expect(tokens.isExpected("t") && tokens.redeem("other") == nil)
        #expect(tokens.redeem("t") == spec && !tokens.isExpected("t"))
        #expect(tokens.redeem("t") == nil)
    }

    @Test func `the token of a process that has ended is good for nothing`() {
        tokens.expect(spec, token: "t")
        tokens.forget("t")
        #expect(!tokens.isExpected("t") && tokens.redeem("t") == nil)
    }
}
