import AddonProtocol
import Testing

@testable import ProxyCodecs
@testable import ProxyCore

/// Options of addons, in a table of the test's own.
struct AddonOptionsTests {
    private func option(
        _ name: String,
        kind: OptionType = .string,
        default value: JSONValue = "a",
        choices: [String]? = nil,
        isSecret: Bool = false
    ) -> DeclaredOption {
        DeclaredOption(name: name, kind: kind, defaultValue: value, choices: choices, isSecret: isSecret)
    }

    private func options(_ deferred: [String: JSONValue] = [:], origin: String? = nil) -> AddonOptions {
        AddonOptions(deferred: deferred.map { DeferredOption(name: $0.key, value: .json($0.value), origin: origin) })
    }

    private func value(_ name: String, _ options: AddonOptions, for session: AddonSession?) -> JSONValue? {
        options.values(for: session).first { $0.name == name }?.value
    }

    /// With two addons that are connected.
    private func story(_ body: @escaping @Sendable (AddonSession, AddonSession) async throws -> Void) async throws {
        try await Bench.run { bench in
            for name in ["one", "two"] { _ = try await bench.addon(name, []) }
            let sessions = bench.host.sessions
            try #require(sessions.count == 2)
            try await body(sessions[0], sessions[1])
        }
    }

    @Test func `an option has its default until it is set, and all changes are made or none`() async throws {
        try await story { one, _ in
            let options = options()
            try options.declare([option("x"), option("n", kind: .int, default: 1)], by: one)
            #expect(options.contains("x") && !options.contains("y"))
            #expect(throws: OptionError.self) { try options.apply(["x": "b", "n": "no number"]) }
            #expect(value("x", options, for: one) == "a")
            let former = try options.apply(["x": "b", "n": 1, "unknown": 3])
            #expect(former == ["x": "a"] && value("x", options, for: one) == "b")
            options.restore(former)
            #expect(value("x", options, for: one) == "a")
        }
    }

    @Test func `a choice is one of those that there are`() async throws {
        try await story { one, _ in
            let options = options()
            try options.declare([option("x", choices: ["a", "b"])], by: one)
            let error = #expect(throws: OptionError.self) { try options.apply(["x": "c"]) }
            #expect(error?.description.contains("one of a, b") == true)
            #expect(try options.apply(["x": "b"]) == ["x": "a"])
        }
    }

    @Test func `no addon takes a name of proxyd's`() async throws {
        try await story { one, _ in
            let options = options()
            #expect(throws: ProtocolError.self) { try options.declare([option("x"), option("listen")], by: one) }
            #expect(!options.contains("x"), "all are declared, or none")
        }
    }

    @Test func `what was set before an option was declared counts when it is`() async throws {
        try await story { one, two in
            let options = options(["x": "set", "n": "no number"], origin: "config.yaml:3")
            try options.declare([option("x")], by: one)
            #expect(value("x", options, for: nil) == "set")
            let error = #expect(throws: ProtocolError.self) {
                try options.declare([option("n", kind: .int, default: 1)], by: two)
            }
            #expect(error?.message.contains("config.yaml:3") == true)
            options.defer(["n": nil as DeferredOption?])
            try options.declare([option("n", kind: .int, default: 1)], by: two)
            #expect(value("n", options, for: nil) == 1)
        }
    }

    @Test func `what was changed is kept while the addon is away`() async throws {
        try await story { one, _ in
            let options = options()
            try options.declare([option("x"), option("y")], by: one)
            _ = try options.apply(["x": "b"])
            options.withdraw(one)
            #expect(!options.contains("x") && options.values(for: nil).isEmpty)
            try options.declare([option("x"), option("y")], by: one)
            #expect(value("x", options, for: one) == "b" && value("y", options, for: one) == "a")
        }
    }

    @Test func `a declaration anew keeps what is declared alike, and its value`() async throws {
        try await story { one, _ in
            let options = options()
            try options.declare([option("x"), option("y")], by: one)
            _ = try options.apply(["x": "b"])
            try options.declare([option("x"), option("z")], by: one)
            #expect(value("x", options, for: one) == "b" && !options.contains("y") && options.contains("z"))
            try options.declare([option("x", default: "other")], by: one)
            #expect(value("x", options, for: one) == "other")
        }
    }

    @Test func `two addons share what both declare alike, until both have left`() async throws {
        try await story { one, two in
            let options = options()
            try options.declare([option("x")], by: one)
            try options.declare([option("x")], by: two)
            #expect(options.areAll(["x"], of: one) && options.areAll(["x"], of: two))
            options.withdraw(one)
            #expect(options.contains("x") && !options.areAll(["x"], of: one))
            options.withdraw(two)
            #expect(!options.contains("x"))
            try options.declare([option("x")], by: one)
            #expect(throws: ProtocolError.self) { try options.declare([option("x", default: "b")], by: two) }
        }
    }

    // MARK: Secrets

    @Test func `a secret is told to its addon alone, and nobody else may have one of its name`() async throws {
        try await story { one, two in
            let options = options(["key": "set"])
            let key = option("key", default: "", isSecret: true)
            try options.declare([key], by: one)
            #expect(value("key", options, for: one) == "set")
            #expect(value("key", options, for: two) == "***" && value("key", options, for: nil) == "***")
            #expect(options.listing.first?["value"] == "***" && options.listing.first?["default"] == "")
            #expect(options.secretNames == ["key"])
            #expect(throws: ProtocolError.self) { try options.declare([key], by: two) }
            _ = try options.apply(["key": "***"])
            #expect(value("key", options, for: one) == "set", "who sends back what is shown changes nothing")
        }
    }

    @Test func `a secret comes back to the addon that had it, and to no other`() async throws {
        try await story { one, two in
            let options = options()
            let key = option("key", default: "", isSecret: true)
            try options.declare([key], by: one)
            _ = try options.apply(["key": "mine"])
            options.withdraw(one)
            try options.declare([key], by: two)
            #expect(value("key", options, for: two) == "")
            options.withdraw(two)
            try options.declare([key], by: one)
            #expect(value("key", options, for: one) == "mine")
        }
    }

    @Test func `an error never repeats a secret`() async throws {
        try await story { one, _ in
            let options = options()
            try options.declare([option("key", default: "", choices: ["", "b"], isSecret: true)], by: one)
            let error = #expect(throws: OptionError.self) { try options.apply(["key": "sesame"]) }
            #expect(error?.description.contains("sesame") == false)
        }
    }
}
