import AddonProtocol
import Testing

@testable import AddonSDK

private struct Quiet: DoneHandler {
    let name = "quiet"
    func done(reason: String) async throws { await Task.yield() }
}

@Suite(.timeLimit(.minutes(2)))
struct AddonRunnerTests {
    private let done = #"{"reason":"shutdown"}"#

    @Test func attachedAddonConnectsAgain() async throws {
        let daemon = try ScriptedDaemon()
        let run = Task { try await Quiet().run(socket: daemon.path) }
        let first = try await daemon.acceptRegistered()
        first.close()
        let second = try await daemon.accept()
        second.close()
        let third = try await daemon.acceptRegistered()
        #expect(try await third.event("done", done)?["result"] == .object([]))
        #expect(try await third.receive() == nil)
        _ = try await daemon.acceptRegistered()
        run.cancel()
        try await run.value
    }

    @Test func attachedAddonThatIsRemovedDoesNotComeAgain() async throws {
        let daemon = try ScriptedDaemon()
        let run = Task { try await Quiet().run(socket: daemon.path) }
        let connection = try await daemon.acceptRegistered()
        #expect(try await connection.event("done", #"{"reason":"removed"}"#)?["result"] == .object([]))
        try await run.value
    }

    @Test func attachedAddonWaitsForTheDaemon() async throws {
        let run = Task { try await Quiet().run(socket: "/nonexistent/addon.sock") }
        run.cancel()
        try await run.value
    }

    @Test func spawnedAddonShowsItsTokenAndEndsAfterDone() async throws {
        let daemon = try ScriptedDaemon()
        let run = Task { try await AddonRunner(addon: Quiet(), path: daemon.path, token: "secret").run() }
        let connection = try await daemon.accept()
        #expect(try await connection.register()["token"] == "secret")
        #expect(try await connection.event("done", done)?["result"] == .object([]))
        try await run.value
    }

    @Test func spawnedAddonEndsWithTheConnection() async throws {
        let daemon = try ScriptedDaemon()
        let run = Task { try await AddonRunner(addon: Quiet(), path: daemon.path, token: "secret").run() }
        try await daemon.acceptRegistered().close()
        try await run.value
        await #expect(throws: SocketError.self) {
            try await AddonRunner(addon: Quiet(), path: "/nonexistent/addon.sock", token: "secret").run()
        }
    }

    @Test func saysWhyTheDaemonRefuses() async throws {
        let daemon = try ScriptedDaemon()
        let run = Task { try await Quiet().run(socket: daemon.path) }
        let connection = try await daemon.accept()
        #expect(try await connection.receive()?["method"] == "initialize")
        connection.send(#"{"jsonrpc":"2.0","id":"initialize","error":{"code":-32001,"message":"wrong token"}}"#)
        await #expect(throws: ProtocolError(code: -32001, message: "wrong token")) { try await run.value }
    }

    @Test(arguments: ["", "/" + String(repeating: "x", count: 107), "/a\0b"])
    func refusesAPathThatNoSocketCanHave(path: String) async throws {
        let error = await #expect(throws: SocketError.self) { try await Quiet().run(socket: path) }
        #expect(error?.reason.contains("1 to 107 bytes") == true)
    }

    @Test func knowsTheDefaultPaths() {
        #expect(SocketPath.path(runtimeDirectory: "/run/user/7", user: 7) == "/run/user/7/proxyd/addon.sock")
        #expect(SocketPath.path(runtimeDirectory: nil, user: 0) == "/run/proxyd/addon.sock")
        #expect(SocketPath.path(runtimeDirectory: nil, user: 7) == "/tmp/proxyd-7/addon.sock")
    }

    @Test func waitsLongerEachTime() {
        var backoff = Backoff()
        let waits = (0..<9).map { _ in backoff.next() }
        #expect(waits.prefix(4) == [.milliseconds(25), .milliseconds(50), .milliseconds(100), .milliseconds(200)])
        #expect(waits.suffix(2) == [.seconds(2), .seconds(2)])
    }
}
