import AddonProtocol
import Testing

@testable import ProxyRules

/// What rules subscribe to, and when they are decided.
@Suite struct RuleSetTests {
    private func rules(_ text: String) throws -> RuleSet { RuleSet(try RulesFile.rules(text, path: "/r.yaml")) }

    private func events(_ text: String) throws -> [Event] { try rules(text).subscriptions.map(\.event) }

    @Test(
        "each asks for no more than it needs",
        arguments: [
            ("- set-headers: {a: b}", [Event.requestheaders]),
            ("- set-response-headers: {a: b}", [.responseheaders]),
            ("- replace-response-body: {pattern: a, with: b}", [.response]),
            ("- replace-body: {pattern: a, with: b}", [.request, .response]),
            ("- {when: ~bq x, set-headers: {a: b}}", [.request]),
            ("- {when: ~bs x, set-response-headers: {a: b}}", [.response]),
            ("- {when: ~bq x, set-response-headers: {a: b}}", [.request, .responseheaders]),
            ("- {when: ~d a, mark: x}", [.requestheaders]),
            ("- {when: ~c 500, mark: x}", [.responseheaders]),
            ("- drop-message: true", [.websocketMessage]),
            ("- throttle: {response: 8k}", [.responseheaders, .responseData, .error]),
            ("- {stop: true}\n- set-response-headers: {a: b}", [.responseheaders]),
            ("[]", []),
            ("# nothing", []),
        ]
    )
    func subscriptions(text: String, expected: [Event]) throws {
        #expect(try events(text) == expected)
    }

    @Test func `filters are joined, unless a rule is for all`() throws {
        let two = "- {when: ~d a, set-headers: {a: b}}\n- {when: ~m GET ~q, block: true}"
        #expect(try rules(two).subscriptions[0].filter == "(~d a) | (~m GET ~q)")
        #expect(try rules(two + "\n- delay: 1s").subscriptions[0].filter == nil)
    }

    @Test func `what was decided at the request is asked for by its note`() throws {
        let set = try rules("- {when: ~d a, map-remote: http://b, set-response-headers: {a: b}}")
        #expect(set.subscriptions.map(\.filter) == ["(~d a)", "~meta \"^\(RuleSet.metadataName): \""])
        #expect(set.subscriptions.allSatisfy { $0.include.contains("metadata") })
    }

    @Test func `only bodies that rules look at are held`() throws {
        let set = try rules("- {when: ~t json, replace-body: {pattern: a, with: b}, set-headers: {a: b}}")
        #expect(set.subscriptions.map(\.body) == [.none, .full, .full])
        #expect(set.subscriptions.map(\.decode) == [false, true, true])
        #expect(set.subscriptions[2].exclude == ["request.content"])
    }

    @Test func `a delay has the time that it takes`() throws {
        let set = try rules("- delay: {time: 10s, jitter: 2s}\n- {when: ~d a, delay: 5s}")
        #expect(set.subscriptions.map(\.timeoutMilliseconds) == [23_000])
    }

    @Test func `filters that are too long together are left to the rules`() throws {
        let many = (0..<3000).map { "- {when: '~d host-\($0).example.com', block: true}" }.joined(separator: "\n")
        #expect(try rules(many).subscriptions[0].filter == nil)
    }
}
