import AddonProtocol
import Testing

@testable import ProxyCodecs
@testable import ProxyCore

private let greet: JSONValue = ["name": "greet", "help": "says hello"]

extension Bench {
    /// An addon with a command, which it answers so.
    fileprivate func addon(
        _ name: String,
        command: JSONValue = greet,
        _ answer: @escaping @Sendable (ScriptedAddon.Heard) -> JSONValue?
    ) async throws -> ScriptedAddon {
        let addon = try await addon(name, [], [.init("commands", .array([command]))])
        addon.script = answer
        return addon
    }
}

struct AddonHostCommandsTests {
    @Test func `a command is called with its arguments, and its answer is the call's`() async throws {
        try await Bench.run { bench in
            _ = try await bench.addon("addon") { heard in
                #expect(heard.method == "command" && heard.params["name"] == "greet")
                return ["text": heard.params["args"]?["who"] ?? .null]
            }
            let caller = try await bench.addon("caller", [])
            let call: JSONValue = ["name": "greet", "args": ["who": "ann"]]
            #expect(try await caller.call("command.call", call) == ["text": "ann"])
        }
    }

    @Test func `a command that several have alike is listed once, and the first answers`() async throws {
        try await Bench.run { bench in
            _ = try await bench.addon("first") { _ in "first" }
            _ = try await bench.addon("second") { _ in "second" }
            let listing = bench.host.commandListing.arrayValue ?? []
            #expect(listing.map { $0["name"] } == ["greet"] && listing[0]["addon"] == "first")
            #expect(try await bench.host.callCommand("greet", [:]) == "first")
        }
    }

    @Test func `one that is not ready is passed over, and if none is, that is said`() async throws {
        try await Bench.run { bench in
            let starting = try await bench.connectAddon("starting")
            try await starting.call("initialize", ["name": "starting", "commands": .array([greet])])
            let start = try await starting.next("start")
            let error = await #expect(throws: ProtocolError.self) { try await bench.host.callCommand("greet", [:]) }
            #expect(error?.message == "addon starting did not answer the command greet: it is not ready")
            _ = try await bench.addon("ready") { _ in "ready" }
            #expect(try await bench.host.callCommand("greet", [:]) == "ready")
            starting.script = { _ in [:] }
            starting.answer(start)
        }
    }

    @Test func `its own error is the caller's, and an addon that is lost answers nothing`() async throws {
        try await Bench.run { bench in
            let addon = try await bench.addon("addon") { _ in nil }
            let first = bench.beside { [host = bench.host] in
                do throws(ProtocolError) { _ = try await host.callCommand("greet", [:]) } catch { return error.message }
                return ""
            }
            addon.fail(try await addon.next("command"), "no")
            #expect(await first.value == "no")
            let second = bench.beside { [host = bench.host] in
                do throws(ProtocolError) { _ = try await host.callCommand("greet", [:]) } catch { return error.message }
                return ""
            }
            _ = try await addon.next("command")
            addon.wire.close()
            #expect(await second.value == "addon addon did not answer the command greet: connection lost")
        }
    }

    @Test func `an unknown command is refused with those that there are`() async throws {
        try await Bench.run { bench in
            let none = await #expect(throws: ProtocolError.self) { try await bench.host.callCommand("x", [:]) }
            #expect(none?.message.contains("none exist") == true)
            _ = try await bench.addon("addon") { _ in [:] }
            let some = await #expect(throws: ProtocolError.self) { try await bench.host.callCommand("x", [:]) }
            #expect(some?.code == ProtocolError.invalidParams && some?.message.contains("greet") == true)
        }
    }

    @Test func `another command of the same name is refused`() async throws {
        try await Bench.run { bench in
            _ = try await bench.addon("first") { _ in [:] }
            let other = try await bench.connectAddon("other")
            let command: JSONValue = ["name": "greet", "help": "says goodbye"]
            let error = await #expect(throws: ProtocolError.self) {
                try await other.call("initialize", ["name": "other", "commands": .array([command])])
            }
            let reason = "commands: the command greet already belongs to first, and differs"
            #expect(error?.message.hasPrefix(reason) == true)
            await other.isLetGo()
        }
    }
}
