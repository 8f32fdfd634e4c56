import Testing

@testable import ProxyRules

/// The faults in a file, and their places.
@Suite struct RulesFileTests {
    private func fault(_ text: String) -> String? {
        do {
            _ = try RulesFile.rules(text, path: "/r.yaml")
            return nil
        } catch {
            return "\(error)"
        }
    }

    @Test(
        "whatever is no rule has a place and says what is allowed",
        arguments: [
            ("- 1", #"/r.yaml:1:3: "1" is not allowed; allowed is a mapping of names to values"#),
            (
                "- {each: 0, block: true}",
                #"/r.yaml:1:10: "0" is not allowed; allowed is a whole number from 1 to 1000000"#
            ),
            ("- {each: 2, chance: 1, block: true}", "/r.yaml:1:10: chance and each do not go together"),
            ("- stop: maybe", #"/r.yaml:1:9: "maybe" is not allowed; allowed is true or false"#),
            (
                "- throttle: 1k",
                #"/r.yaml:1:13: "1k" is not allowed; allowed is bytes a second, from 8k on, such as 50k or 1m"#
            ),
            ("- map-remote: {from: http://a/}", "/r.yaml:1:15: map-remote needs to, a URL"),
            (
                "- map-remote: ftp://a",
                #"/r.yaml:1:15: "ftp://a" is not allowed; allowed is a URL that begins with http:// or https://"#
            ),
            ("- map-local: /no/such", "/r.yaml:1:14: there is no file or folder /no/such"),
            ("- respond: {body: x, json: 1}", "/r.yaml:1:28: body and json do not go together"),
            (
                "- set-json: {a..b: 1}",
                #"/r.yaml:1:14: "a..b" is not allowed; allowed is a path of a member, such as user.name or items.*.price"#
            ),
            (
                "- set-headers: {a: \"b\\nc\"}",
                "/r.yaml:1:20: \"b\nc\" is not allowed; allowed is a text without control characters"
            ),
            ("- block: true\n  block: true", "/r.yaml:1:3: set twice: block"),
            ("- &a [*a]", "/r.yaml:1:7: YAML syntax: found undefined alias"),
        ]
    )
    func faults(text: String, expected: String) {
        #expect(fault(text) == expected)
    }

    @Test func `aliases cannot fill the memory`() {
        let levels = (1...9).map { level in
            let tens = Array(repeating: "*a\(level - 1)", count: 10).joined(separator: ", ")
            return "  - &a\(level) [\(tens)]"
        }
        let text = "- set-json:\n    a:\n" + (["- &a0 [1]"] + levels).map { "    " + $0 }.joined(separator: "\n")
        #expect(fault(text) != nil)
    }

    @Test func `names are texts, so that comparing them ends`() {
        let levels = (1...30).map { "- &a\($0) {? [*a\($0 - 1), *a\($0 - 1)] : 1}" }
        let text = (["- &a0 [x]"] + levels).joined(separator: "\n")
        #expect(fault(text) == "/r.yaml:2:10: a name is a text, not a list, mapping or alias")
    }

    @Test func `aliases count as often as they stand for values, in the whole file`() {
        let levels = (1...8).map {
            "- &a\($0) [" + Array(repeating: "*a\($0 - 1)", count: 10).joined(separator: ", ") + "]"
        }
        let text = (["- &a0 [x]"] + levels).joined(separator: "\n")
        #expect(fault(text)?.hasSuffix("more than 500000 values, aliases included") ?? false)
        #expect(fault("- set-json: {a: &x [1], b: *x}") == nil)
    }

    @Test(
        "where requests are sent a request can go, and a path can follow",
        arguments: [
            "http://a_b|c.test", "http://u@a.test", "http://a.test#x", "http://a.test:+80", "http://[::g]",
            "http://a.test?x",
            "{from: http://a, to: http://b/?x}",
        ]
    )
    func noPlace(text: String) {
        #expect(fault("- map-remote: \"\(text)\"") != nil || fault("- map-remote: \(text)") != nil)
    }

    @Test func `a rules file is no pipe`() {
        #expect(throws: RuleError.self) { try RulesFile.read("/dev/null") }
    }

    @Test func `an empty file has no rules`() {
        for text in ["", "# nothing", "[]", "~"] { #expect(fault(text) == nil) }
    }
}
