import AddonProtocol
import Testing

@testable import AddonSDK

private struct Blocklist: CommandHandler, RequestHandler {
    let name = "blocklist"
    var settings: AddonSettings {
        var settings = AddonSettings()
        settings.options = [
            DeclaredOption(name: "blocklist_level", kind: .string, defaultValue: "low", choices: ["low", "high"])
        ]
        settings.commands = [DeclaredCommand(name: "blocklist.add", parameters: [.init(name: "host", type: "str")])]
        return settings
    }

    func command(_ name: String, _ arguments: JSONValue) async throws -> JSONValue {
        guard let host = arguments["host"] else { throw ProtocolError(code: -32602, message: "host is missing") }
        return [.string(name), host]
    }

    func request(_ flow: HTTPFlow) async throws {
        flow.hold()
        flow.comment = try await "\(Daemon.current.resume(flow: "other"))"
    }
}

@Suite(.timeLimit(.minutes(2)))
struct CommandTests {
    private func withAddon(_ body: (ScriptedConnection, JSONValue) async throws -> Void) async throws {
        let daemon = try ScriptedDaemon()
        let run = Task { try await Blocklist().run(socket: daemon.path) }
        let connection = try await daemon.accept()
        let registration = try await connection.register()
        try await body(connection, registration)
        run.cancel()
        connection.close()
        _ = await run.result
    }

    @Test func declaresOptionsAndCommands() async throws {
        try await withAddon { _, registration in
            let params = registration["params"] ?? registration
            let read = try Registration(params: params)
            #expect(read.options == Blocklist().settings.options)
            #expect(read.commands == Blocklist().settings.commands)
        }
    }

    @Test func answersCommands() async throws {
        try await withAddon { connection, _ in
            let params = #"{"name":"blocklist.add","args":{"host":"a"}}"#
            let answer = try await connection.event("command", params)
            #expect(answer?["result"] == ["blocklist.add", "a"])
            let wrong = try await connection.event("command", #"{"name":"blocklist.add","args":{}}"#, id: 2)
            #expect(wrong?["error"]?["message"] == "host is missing")
        }
    }

    @Test func holdsAndResumes() async throws {
        try await withAddon { connection, _ in
            connection.send(
                #"{"jsonrpc":"2.0","id":1,"method":"request","params":{"flow":{"id":"f","comment":""}}}"# + "\n"
            )
            let call = try #require(try await connection.receive())
            #expect(call["method"] == "flow.resume" && call["params"] == ["id": "other"])
            let id = try #require(call["id"]?.intValue)
            connection.send(#"{"jsonrpc":"2.0","id":\#(id),"result":{"applied":true}}"# + "\n")
            #expect(try await connection.receive()?["result"] == ["flow": ["comment": "true"], "action": "hold"])
        }
    }
}
