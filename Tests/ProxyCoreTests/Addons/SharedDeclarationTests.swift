import AddonProtocol
import Testing

@testable import ProxyCodecs
@testable import ProxyCore

/// What several addons declare under one name.
struct SharedDeclarationTests {
    private func command(_ name: String = "c", help: String = "does it") -> DeclaredCommand {
        DeclaredCommand(name: name, help: help)
    }

    private func option(_ value: JSONValue = 1, isSecret: Bool = false) -> DeclaredOption {
        DeclaredOption(name: "x", kind: .float, defaultValue: value, isSecret: isSecret)
    }

    /// Why the second of two addons may not declare what the first has; nil: it may.
    private func refusal<Declaration: SharedDeclaration & Sendable>(
        _ first: Declaration,
        _ second: Declaration,
        isOne: Bool = false
    ) async throws -> String? {
        nonisolated(unsafe) var refusal: String?
        try await Bench.run { bench in
            for name in ["one", "two"] { _ = try await bench.addon(name, []) }
            let (one, two) = (bench.host.sessions[0], bench.host.sessions[1])
            do throws(ProtocolError) {
                try two.checkSharing(first, second, with: isOne ? two : one, "place")
            } catch {
                refusal = error.message
            }
        }
        return refusal
    }

    @Test func `what is declared alike is shared, numbers however they are written`() async throws {
        #expect(try await refusal(command(), command()) == nil)
        #expect(try await refusal(option(1), option(1.0)) == nil)
    }

    @Test func `what differs is named, with both values`() async throws {
        let refusal = try await refusal(command(), command(help: "does that"))
        let difference = "its help is \"does it\" there, and \"does that\" here"
        #expect(refusal == "place already belongs to one, and differs: \(difference)")
    }

    @Test func `a secret is never shared, on either side`() async throws {
        let expected = "place already belongs to one, and a secret cannot be shared"
        #expect(try await refusal(option(isSecret: true), option(isSecret: true)) == expected)
        #expect(try await refusal(option(), option(isSecret: true)) == expected)
    }

    @Test func `one addon declares nothing twice`() async throws {
        #expect(try await refusal(command(), command(), isOne: true) == "place is declared twice")
    }
}
