import AddonProtocol
import Testing

@testable import AddonSDK

/// At `request`, does what the path says.
private struct TestAddon: RequestHandler, ResponseHandler, ErrorHandler, ConfigureHandler, LogHandler {
    let name = "test"
    var settings: AddonSettings {
        var settings = AddonSettings()
        settings.maxInFlight = 2
        settings.version = "1.0"
        settings.isPooled = true
        settings.timeoutMilliseconds = .never
        settings.subscriptions = [
            Subscription(event: .log, mode: .observe), Subscription(event: .error, keep: [.requestContent]),
        ]
        return settings
    }

    func request(_ flow: HTTPFlow) async throws {
        switch flow.request.path {
        case "/set": flow.request.headers["x-a"] = "1"
        case "/fail": throw ProtocolError(code: ProtocolError.internalError, message: "broken")
        case "/yield":
            await Task.yield()
            flow.kill()
        case "/call":
            do {
                let answer = try await Daemon.current.call("test.call", ["path": .string(flow.id)])
                flow.request.headers["answer"] = answer.stringValue
            } catch let error as ProtocolError {
                flow.request.headers["code"] = "\(error.code)"
            }
        case "/large": flow.request.headers["x"] = String(repeating: "x", count: 400)
        case "/large-call":
            do {
                _ = try await Daemon.current.call("test.call", ["x": .string(String(repeating: "x", count: 400))])
            } catch DaemonError.tooLarge(_, limit: 300) {
                flow.request.headers["too"] = "large"
            }
        case "/sleep":
            do {
                try await Task.sleep(for: .seconds(600))
            } catch {
                flow.request.headers["cancelled"] = "yes"
            }
        default: break
        }
    }

    func response(_ flow: HTTPFlow) {
        flow.response?.headers["x-b"] = "2"
    }

    func error(_ flow: HTTPFlow) {}

    func configure(options: [String: JSONValue], updated: [String]) throws {
        if options["bad"] == true { throw ProtocolError(code: 1, message: "bad must be false") }
    }

    func log(_ entry: LogEntry) throws {
        try Daemon.current.log("saw \(entry.message)", level: .warn)
    }
}

@Suite(.timeLimit(.minutes(2)))
struct SessionTests {
    private func withAddon(_ body: (ScriptedDaemon, ScriptedConnection) async throws -> Void) async throws {
        let daemon = try ScriptedDaemon()
        let run = Task { try await TestAddon().run(socket: daemon.path) }
        try await body(daemon, try await daemon.acceptRegistered())
        run.cancel()
        try await run.value
    }

    private func flow(_ path: String, id: String = "f") -> String {
        #"{"flow":{"id":"\#(id)","request":{"path":"\#(path)","headers":[]}}}"#
    }

    private func text(_ json: JSONValue?) -> String {
        json.map { String(decoding: $0.encoded(), as: UTF8.self) } ?? "end"
    }

    @Test func registersWhatTheTypeConformsTo() async throws {
        let daemon = try ScriptedDaemon()
        let run = Task { try await TestAddon().run(socket: daemon.path) }
        let connection = try await daemon.accept()
        let registration = try Registration(params: try await connection.register())
        #expect(registration.name == "test" && registration.version == "1.0" && registration.maxInFlight == 2)
        #expect(registration.isPooled && registration.timeoutMilliseconds == .never)
        #expect(
            registration.subscriptions == [
                Subscription(event: .request, decode: true), Subscription(event: .response, decode: true),
                Subscription(event: .log, mode: .observe),
                Subscription(event: .error, keep: [.requestContent]),
            ]
        )
        run.cancel()
        try await run.value
    }

    @Test func answersEvents() async throws {
        try await withAddon { _, addon in
            let set = try await addon.event("request", flow("/set"), id: 7)
            #expect(text(set) == #"{"jsonrpc":"2.0","id":7,"result":{"flow":{"request":{"headers":{"x-a":"1"}}}}}"#)
            #expect(try await addon.event("request", flow("/none"))?["result"] == .object([]))
            #expect(try await addon.event("request", flow("/yield"))?["result"] == ["action": "kill"])
            #expect(try await addon.event("request", flow("/fail"))?["error"] == ["code": -32603, "message": "broken"])
            #expect(try await addon.event("response", #"{"flow":{"response":null}}"#)?["result"] == .object([]))
            #expect(try await addon.event("start", "{}")?["result"] == .object([]))
            #expect(try await addon.event("ping", "{}")?["result"] == .object([]))
            #expect(try await addon.event("tcp_start", "{}")?["error"]?["code"] == -32601)
            #expect(try await addon.event("configure", #"{"options":{},"updated":[]}"#)?["result"] == .object([]))
            let veto = try await addon.event("configure", #"{"options":{"bad":true},"updated":["bad"]}"#)
            #expect(veto?["error"]?["code"] == .integer(ProtocolError.veto))
            #expect(veto?["error"]?["message"]?.stringValue?.contains("bad must be false") == true)
        }
    }

    @Test func aReplyThatIsTooLargeFailsItsEventAlone() async throws {
        let daemon = try ScriptedDaemon()
        let run = Task { try await TestAddon().run(socket: daemon.path) }
        let addon = try await daemon.accept()
        _ = try await addon.register(frameBytes: 300)
        let error = try await addon.event("request", flow("/large"), id: 3)
        #expect(error?["id"] == 3 && error?["error"]?["code"] == .integer(ProtocolError.overLimit))
        #expect(error?["error"]?["message"]?.stringValue?.contains("at most 300 (frame_size_limit)") == true)
        #expect(try await addon.event("request", flow("/set"))?["result"]?["flow"] != nil)
        let reply = try await addon.event("request", flow("/large-call"))
        #expect(reply?["result"]?["flow"]?["request"]?["headers"] == ["too": "large"])
        run.cancel()
        try await run.value
    }

    @Test func readsFramesSplitAndMergedAndBatches() async throws {
        try await withAddon { _, addon in
            let first = #"{"jsonrpc":"2.0","id":"a","method":"request","params":\#(flow("/set"))}"#
            addon.sendByteByByte(first)
            #expect(try await addon.receive()?["id"] == "a")
            addon.send(first + "\n\r\n" + first + "\r\n[" + first + ",1," + first + "]")
            var answered = 0
            for _ in 0..<5 {
                let frame = try await addon.receive()
                if frame?["id"] == "a" { answered += 1 } else { #expect(frame?["error"]?["code"] == -32600) }
            }
            #expect(answered == 4)
            #expect(try await addon.event("x", "1")?["error"]?["code"] == -32600)
            addon.send("{")
            #expect(try await addon.receive()?["error"]?["code"] == -32700)
        }
    }

    @Test func handlesEventsAtTheSameTimeAndAnswersOutOfOrder() async throws {
        try await withAddon { _, addon in
            let call = try await addon.event("request", flow("/call", id: "first"), id: 1)
            #expect(call?["method"] == "test.call" && call?["params"] == ["path": "first"])
            #expect(try await addon.event("request", flow("/set"), id: 2)?["id"] == 2)
            let id = text(call?["id"])
            addon.send(#"{"jsonrpc":"2.0","id":\#(id),"result":"yes"}"#)
            let reply = try await addon.receive()
            #expect(reply?["id"] == 1)
            #expect(reply?["result"]?["flow"]?["request"]?["headers"] == ["answer": "yes"])
        }
    }

    @Test func throwsTheErrorOfACall() async throws {
        try await withAddon { _, addon in
            let call = try await addon.event("request", flow("/call"))
            addon.send(#"{"jsonrpc":"2.0","id":\#(text(call?["id"])),"error":{"code":-32003,"message":"no"}}"#)
            let reply = try await addon.receive()
            #expect(reply?["result"]?["flow"]?["request"]?["headers"] == ["code": "-32003"])
        }
    }

    @Test func runsNoMoreThanMaxInFlight() async throws {
        try await withAddon { _, addon in
            let calls = [
                try await addon.event("request", flow("/call"), id: 1),
                try await addon.event("request", flow("/call"), id: 2),
            ]
            #expect(calls.map { $0?["method"] } == ["test.call", "test.call"])
            // The third waits: the answer to the first comes next, and only then the third's call.
            addon.send(#"{"jsonrpc":"2.0","id":3,"method":"request","params":\#(flow("/call", id: "third"))}"#)
            addon.send(#"{"jsonrpc":"2.0","id":\#(text(calls[0]?["id"])),"result":"1"}"#)
            #expect(try await addon.receive()?["id"] == 1)
            #expect(try await addon.receive()?["params"] == ["path": "third"])
        }
    }

    @Test func cancelsWhatTheDaemonNoLongerWaitsFor() async throws {
        try await withAddon { _, addon in
            addon.send(#"{"jsonrpc":"2.0","id":5,"method":"request","params":\#(flow("/sleep"))}"#)
            addon.send(#"{"jsonrpc":"2.0","method":"$/cancel","params":{"id":5,"reason":"timeout"}}"#)
            let reply = try await addon.receive()
            #expect(reply?["result"]?["flow"]?["request"]?["headers"] == ["cancelled": "yes"])
        }
    }

    @Test func callsTheDaemonFromANotification() async throws {
        try await withAddon { _, addon in
            addon.send(#"{"jsonrpc":"2.0","method":"log","params":{"entry":{"level":"info","msg":"hello"}}}"#)
            let log = try await addon.receive()
            #expect(text(log) == #"{"jsonrpc":"2.0","method":"log","params":{"level":"warn","msg":"saw hello"}}"#)
        }
    }

    @Test func failsWaitingCallsWhenTheConnectionIsLost() async throws {
        let daemon = Daemon()
        await #expect(throws: DaemonError.notConnected) { try await daemon.call("ping") }
        #expect(throws: DaemonError.notConnected) { try Daemon.current }
        let scripted = try ScriptedDaemon()
        let outbox = Outbox(try UnixSocket.connect(to: scripted.path))
        let connection = try await scripted.accept()
        daemon.connected(to: outbox)
        let call = Task { try await daemon.ping() }
        #expect(try await connection.receive()?["method"] == "ping")
        daemon.disconnected()
        await #expect(throws: DaemonError.connectionLost) { try await call.value }
    }

    @Test func answersThousandsOfEventsInOneStream() async throws {
        try await withAddon { _, addon in
            let event = #"{"jsonrpc":"2.0","id":1,"method":"request","params":\#(flow("/set"))}"#
            let writer = Task {
                for _ in 0..<20 { addon.send(Array(repeating: event, count: 100).joined(separator: "\n")) }
            }
            for _ in 0..<2_000 {
                guard try await addon.receive()?["id"] == 1 else {
                    Issue.record("an event was not answered")
                    break
                }
            }
            await writer.value
        }
    }
}
