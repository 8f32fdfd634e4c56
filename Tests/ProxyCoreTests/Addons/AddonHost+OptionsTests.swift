import AddonProtocol
import Testing

@testable import ProxyCodecs
@testable import ProxyCore

private let declared: JSONValue = [
    ["name": "x", "type": "int", "default": 1], ["name": "key", "type": "str", "default": "k", "secret": true],
]

struct AddonHostOptionsTests {
    /// With an addon that has declared options, and another.
    private func story(
        _ options: Options = Options(),
        _ body: @escaping @Sendable (AddonHost, AddonSession, AddonSession) throws -> Void
    ) async throws {
        try await Bench.run(options) { bench in
            _ = try await bench.addon("owner", [], [.init("options", declared)])
            _ = try await bench.addon("other", [])
            try body(bench.host, bench.host.sessions[0], bench.host.sessions[1])
        }
    }

    @Test func `configure has every option, and an addon's secrets for it alone`() async throws {
        try await story { host, owner, other in
            let own = host.configuration(for: owner)
            #expect(own["options"]?["x"] == 1 && own["options"]?["key"] == "k")
            #expect(own["options"]?["listen"] != nil)
            #expect(own["updated"]?.arrayValue?.count == own["options"]?.members?.count)
            #expect(host.configuration(for: other)["options"]?["key"] == "***")
        }
    }

    @Test func `what has changed is told alone`() async throws {
        try await story { host, owner, _ in
            let change = host.configuration(["x", "hold_limit", "unknown"], for: owner)
            #expect(Set(change["options"]?.members?.map(\.name) ?? []) == ["x", "hold_limit"])
            #expect(Set((change["updated"]?.arrayValue ?? []).compactMap(\.stringValue)) == ["x", "hold_limit"])
        }
    }

    @Test func `options are got by name, declared ones without secrets`() async throws {
        try await story { host, owner, _ in
            let values = try host.values(["x", "key", "hold_limit"], for: owner)
            #expect(values["x"] == 1 && values["key"] == "***" && values["hold_limit"]?.intValue != nil)
            #expect(throws: OptionError.self) { try host.values(["unknown"], for: owner) }
            let all = try host.values(nil, for: owner)
            #expect(all["x"] == 1 && all["listen"] != nil)
        }
    }

    @Test func `they are listed with those of addons behind proxyd's`() async throws {
        try await story { host, owner, _ in
            let listing = try #require(host.optionListing(for: owner).arrayValue)
            #expect(listing.suffix(2).map { $0["name"] } == ["x", "key"])
            #expect(listing.count == OptionCatalogue.builtIn.definitions.count + 2)
        }
    }

    @Test func `commands are shown to who may add addons`() async throws {
        let secret = AddonSpec(name: "shop", command: "run --key=sesame")
        for (rights, isShown) in [(["events", "addons"], true), (["events"], false)] {
            let names = JSONValue.array(rights.map { .string($0) })
            var options = try Options().applying(["attached_rights": names]).options
            options.addons = [secret]
            try await story(options) { host, owner, _ in
                let shown = [
                    host.configuration(for: owner), try host.values(["addons"], for: owner),
                    host.optionListing(for: owner),
                ]
                for each in shown { #expect("\(each)".contains("sesame") == isShown) }
            }
        }
    }
}
