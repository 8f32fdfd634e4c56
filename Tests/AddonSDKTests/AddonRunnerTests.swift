import AddonProtocol
import Synchronization
import Testing

@testable import AddonSDK

private struct Quiet: DoneHandler {
    let name = "quiet"
    func done(reason: String) async throws { await Task.yield() }
}

/// Makes a call in its `done`, which needs the connection.
private final class Farewells: DoneHandler {
    let name = "farewells"
    let reasons = Mutex<[String]>([])

    func done(reason: String) async throws {
        reasons.withLock { $0.append(reason) }
        try await Daemon.current.ping()
    }
}

private struct Looking: ResponseHeadersHandler, ResponseHandler {
    let name = "looking"
    let settings: AddonSettings

    init() { self.init(AddonSettings()) }
    init(_ settings: AddonSettings) { self.settings = settings }

    init(decodes: Bool, body: Subscription.Body) {
        var settings = AddonSettings()
        (settings.decodesContent, settings.body) = (decodes, body)
        self.init(settings)
    }

    func responseheaders(_ flow: HTTPFlow) {}
    func response(_ flow: HTTPFlow) {}
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

    @Test func addonThatIsCancelledIsDoneOnceAndLeaves() async throws {
        let daemon = try ScriptedDaemon()
        let addon = Farewells()
        let run = Task { try await addon.run(socket: daemon.path) }
        let connection = try await daemon.acceptRegistered()
        run.cancel()
        #expect(try await connection.receive()?["method"] == "ping")
        connection.send(#"{"jsonrpc":"2.0","id":1,"result":{}}"#)
        #expect(try await connection.receive()?["method"] == "leave")
        #expect(try await connection.receive() == nil)
        try await run.value
        #expect(addon.reasons.withLock { $0 } == ["leave"])
    }

    @Test func addonThatTheDaemonHasEndedIsNotDoneAgain() async throws {
        let daemon = try ScriptedDaemon()
        let addon = Farewells()
        let run = Task { try await addon.run(socket: daemon.path) }
        let connection = try await daemon.acceptRegistered()
        connection.send(#"{"jsonrpc":"2.0","id":7,"method":"done","params":{"reason":"shutdown"}}"#)
        #expect(try await connection.receive()?["method"] == "ping")
        connection.send(#"{"jsonrpc":"2.0","id":1,"result":{}}"#)
        #expect(try await connection.receive()?["id"] == 7)
        run.cancel()
        try await run.value
        #expect(addon.reasons.withLock { $0 } == ["shutdown"])
    }

    @Test func asksForContentWithoutItsCodingUnlessToldOtherwise() async throws {
        for (decodes, body, expected) in [
            (true, Subscription.Body.full, true), (true, .none, nil), (false, .full, nil),
        ] as [(Bool, Subscription.Body, JSONValue?)] {
            let daemon = try ScriptedDaemon()
            let run = Task { try await Looking(decodes: decodes, body: body).run(socket: daemon.path) }
            let events = try await daemon.accept().register()["events"]?.arrayValue ?? []
            for event in events {
                let isBody = event["event"] == "response" || event == "response"
                #expect(event["decode"] == (isBody ? expected : nil))
            }
            #expect(events.count == 2)
            run.cancel()
            try? await run.value
        }
    }

    @Test func refusesSettingsThatNoHandlerFits() async throws {
        var settings = AddonSettings()
        settings.subscriptions = [Subscription(event: .request)]
        let error = await #expect(throws: AddonError.self) { try await Looking(settings).run(socket: "/nowhere/s") }
        #expect(error?.description.contains("asks for request") == true)
        #expect(error?.description.hasSuffix("it handles responseheaders, response") == true)
        settings.subscriptions = []
        settings.commands = [DeclaredCommand(name: "look")]
        let other = await #expect(throws: AddonError.self) { try await Looking(settings).run(socket: "/nowhere/s") }
        #expect(other?.description.contains("declares look") == true)
    }

    @Test func waitsLongerEachTime() {
        var backoff = Backoff()
        let waits = (0..<9).map { _ in backoff.next() }
        #expect(waits.prefix(4) == [.milliseconds(25), .milliseconds(50), .milliseconds(100), .milliseconds(200)])
        #expect(waits.suffix(2) == [.seconds(2), .seconds(2)])
    }
}
