import AddonProtocol
import Testing

@testable import AddonSDK

@Suite(.timeLimit(.minutes(2)))
struct DaemonTests {
    private func connected(
        to scripted: ScriptedDaemon,
        _ subscriptions: [Subscription] = [],
        receive: @escaping Daemon.Receiver = { _ in nil }
    ) async throws -> (Daemon, ScriptedConnection, registration: JSONValue) {
        async let daemon = Daemon(socket: scripted.path, name: "tool", subscriptions: subscriptions, receive: receive)
        let connection = try await scripted.accept()
        let registration = try await connection.register()
        return (try await daemon, connection, registration)
    }

    @Test func registersAsWhatItIs() async throws {
        let subscription = Subscription(event: .log, mode: .observe)
        let (daemon, _, registration) = try await connected(to: ScriptedDaemon(), [subscription])
        let read = try Registration(params: registration)
        #expect(read.name == "tool" && read.subscriptions == [subscription])
        #expect(daemon.welcome["protocol"] == 1)
        await daemon.leave()
    }

    @Test func answersEventsWithWhatTheReceiverReturns() async throws {
        let (daemon, connection, _) = try await connected(to: ScriptedDaemon()) { call in
            switch call.method {
            case "request": return ["action": "hold"]
            case "response": throw ProtocolError(code: 7, message: "broken")
            default: return nil
            }
        }
        #expect(try await connection.event("start", "{}")?["result"] == [:])
        #expect(try await connection.event("request", #"{"flow":{"id":"f"}}"#)?["result"] == ["action": "hold"])
        #expect(try await connection.event("response", #"{"flow":{"id":"f"}}"#)?["error"]?["code"] == 7)
        await daemon.leave()
    }

    @Test func tellsOfNotificationsInOrder() async throws {
        let (numbers, seen) = AsyncStream.makeStream(of: JSONValue?.self)
        let (daemon, connection, _) = try await connected(to: ScriptedDaemon()) { call in
            seen.yield(call.params["seq"]?.value)
            return nil
        }
        for number in 1...3 { connection.send(#"{"jsonrpc":"2.0","method":"tap","params":{"seq":\#(number)}}"#) }
        var received: [JSONValue?] = []
        for await number in numbers.prefix(3) { received.append(number) }
        #expect(received == [1, 2, 3])
        await daemon.leave()
    }

    @Test func readsWhatTheDaemonWrapsAroundAFrameAsDeepAsItMayBe() async throws {
        let (frames, seen) = AsyncStream.makeStream(of: JSONValue.self)
        let (daemon, connection, _) = try await connected(to: ScriptedDaemon()) { call in
            seen.yield(call.params.value)
            return nil
        }
        let deep = String(repeating: "[", count: 512) + String(repeating: "]", count: 512)
        connection.send(#"{"jsonrpc":"2.0","method":"tap","params":{"message":\#(deep)}}"#)
        for await frame in frames.prefix(1) { #expect(frame["message"]?.arrayValue?.count == 1) }
        await daemon.leave()
    }

    @Test func callsAndLeaves() async throws {
        let (daemon, connection, _) = try await connected(to: ScriptedDaemon())
        async let answer = daemon.call("stats")
        #expect(try await connection.receive()?["method"] == "stats")
        connection.send(#"{"jsonrpc":"2.0","id":1,"result":{"counters":{}}}"#)
        #expect(try await answer == ["counters": [:]])
        await daemon.leave()
        #expect(try await connection.receive()?["method"] == "leave")
        #expect(try await connection.receive() == nil)
        await #expect(throws: DaemonError.notConnected) { try await daemon.ping() }
    }

    @Test func endsAfterDone() async throws {
        let (daemon, connection, _) = try await connected(to: ScriptedDaemon())
        #expect(try await connection.event("done", #"{"reason":"shutdown"}"#)?["result"] == [:])
        await daemon.waitUntilClosed()
        await #expect(throws: DaemonError.notConnected) { try await daemon.ping() }
    }

    @Test func saysThatNoDaemonIsThere() async throws {
        let error = await #expect(throws: SocketError.self) {
            try await Daemon(socket: "/nowhere/a.sock", name: "tool")
        }
        #expect(error?.kind == .noDaemon)
        #expect(error.map { "\($0)" }?.hasPrefix("cannot connect to /nowhere/a.sock: no proxyd listens there") == true)
    }

    @Test func saysWhyItIsRefused() async throws {
        let scripted = try ScriptedDaemon()
        let daemon = Task { [path = scripted.path] in try await Daemon(socket: path, name: "tool") }
        let connection = try await scripted.accept()
        _ = try await connection.receive()
        connection.send(#"{"jsonrpc":"2.0","id":"initialize","error":{"code":-32001,"message":"not this user"}}"#)
        let error = ProtocolError(code: ProtocolError.notAuthorised, message: "not this user")
        await #expect(throws: error) { try await daemon.value }
    }

    @Test func saysThatItGotNoAnswer() async throws {
        let scripted = try ScriptedDaemon()
        let daemon = Task { [path = scripted.path] in try await Daemon(socket: path, name: "tool") }
        let connection = try await scripted.accept()
        _ = try await connection.receive()
        connection.close()
        await #expect(throws: DaemonError.connectionLost) { try await daemon.value }
    }
}
