import AddonProtocol
import NIOCore
import Testing

@testable import ProxyCodecs
@testable import ProxyCore

/// One direction, from a client to a server, and both of them.
private struct Scene {
    let bench: Bench
    let client: ScriptedWebSocketPeer
    let server: ScriptedWebSocketPeer
    let direction: WebSocketDirection
    let flow: WebSocketFlow
    let interruption = Interruption()

    init(_ bench: Bench, limit: Int = 1 << 20) async throws {
        self.bench = bench
        let (inner, outer) = (try await bench.pair(), try await bench.pair())
        (client, server) = (.init(inner.theirs, isClient: true), .init(outer.theirs, isClient: false))
        flow = WebSocketFlow(id: bench.loop.makeID(), handshake: .asking())
        let setting = WebSocketSession.Setting(
            flow: flow,
            dispatcher: bench.loop.dispatcher,
            loop: bench.loop,
            interruption: interruption,
            departure: Interruption(),
            messageLimit: limit,
            printer: bench.services.printer,
            detail: 0
        )
        direction = WebSocketDirection(
            .init(
                fromClient: true,
                source: inner.ours,
                writer: WebSocketWriter(to: outer.ours, masks: true, deflater: nil, on: bench.loop),
                inflater: nil,
                sharesCompression: true
            ),
            in: setting
        )
    }

    /// Runs it beside the story: how it ends.
    func run() -> Task<String, Never> {
        bench.beside { [direction] in
            do throws(WebSocketDirection.Failure) {
                switch try await direction.run() {
                case .closed(let close): return "closed \(close.code.map(Int.init) ?? 0)"
                case .receiverIsGone: return "receiver is gone"
                }
            } catch {
                switch error {
                case .violation(let error): return "violation \(error.code.rawValue)"
                case .ended: return "ended"
                case .flow(let error): return error.message
                case .receiver: return "receiver"
                }
            }
        }
    }

    func text(_ text: String) -> WebSocketMessage {
        let payload = WebSocketPayload(type: .text, content: ByteBuffer(string: text))
        return WebSocketMessage(payload, fromClient: true, injected: true)
    }
}

private func answering(_ message: JSONValue) -> JSONValue { ["flow": ["messages": [message]]] }

struct WebSocketDirectionTests {
    @Test func `what nobody wants passes frame by frame, and its end with a close frame`() async throws {
        try await Bench.run { bench in
            let scene = try await Scene(bench)
            let end = scene.run()
            scene.client.send(.text, "ab", isFinal: false)
            #expect(try await scene.server.nextText() == "text… ab")
            scene.client.send(.ping, "p")
            scene.client.send(.continuation, "cd")
            #expect(try await scene.server.nextText() == "ping p")
            #expect(try await scene.server.nextText() == "continuation cd")
            scene.client.close(1001)
            #expect(try await scene.server.nextText() == "close 1001")
            #expect(await end.value == "closed 1001")
            #expect(scene.flow.messageCount == 1 && scene.flow.byteCounts.fromClient == 4)
        }
    }

    @Test func `an addon gets whole messages, and what it makes of them is one frame`() async throws {
        try await Bench.run { bench in
            let addon = try await bench.addon("addon", ["websocket_message"])
            let scene = try await Scene(bench)
            let end = scene.run()
            scene.client.send(.text, "ab", isFinal: false)
            scene.client.send(.continuation, "cd")
            let asked = try await addon.next("websocket_message")
            let message = asked.flow["messages"]?.arrayValue?.first
            #expect(message?["content"] == "abcd" && message?["type"] == "text")
            addon.answer(asked, answering(["content": "new", "type": "binary"]))
            #expect(try await scene.server.nextText() == "binary new")
            scene.client.send(.text, "drop me")
            addon.answer(try await addon.next("websocket_message"), answering(["dropped": true]))
            scene.client.close(1000)
            #expect(try await scene.server.nextText() == "close 1000")
            #expect(await end.value == "closed 1000")
            bench.loop.countNoMore(scene.flow)
            #expect(bench.loop.memory[.messages] == 0 && scene.flow.pending.isEmpty)
        }
    }

    @Test(
        arguments: [
            (WebSocketFrame(opcode: .continuation, payload: ByteBuffer(string: "x")), 1002),
            (WebSocketFrame(opcode: .text, payload: ByteBuffer(bytes: [0xff])), 1007),
            (WebSocketFrame(opcode: .text, isCompressed: true, payload: ByteBuffer(string: "x")), 1002),
        ]
    )
    func `what breaks a rule is a violation, with its code`(frame: WebSocketFrame, code: Int) async throws {
        try await Bench.run { bench in
            let scene = try await Scene(bench, limit: 100)
            let end = scene.run()
            scene.client.send(frame)
            #expect(await end.value == "violation \(code)")
        }
    }

    @Test func `a message that is held may be as large as the option says, one that passes as large as it likes`()
        async throws
    {
        try await Bench.run { bench in
            let large = WebSocketFrame(opcode: .binary, payload: ByteBuffer(repeating: 7, count: 101))
            let passing = try await Scene(bench, limit: 100)
            let passed = passing.run()
            passing.client.send(large)
            #expect(try await passing.server.next().payload == large.payload)
            passing.client.close(1000)
            #expect(await passed.value == "closed 1000")
            _ = try await bench.addon("addon", ["websocket_message"])
            let held = try await Scene(bench, limit: 100)
            let end = held.run()
            held.client.send(large)
            #expect(await end.value == "violation 1009")
        }
    }

    @Test func `how a side's connection ends is told apart`() async throws {
        try await Bench.run { bench in
            let source = try await Scene(bench)
            let sourceEnd = source.run()
            source.client.wire.close()
            #expect(await sourceEnd.value == "ended")
            let receiver = try await Scene(bench)
            receiver.direction.writer.stream.close()
            let receiverEnd = receiver.run()
            receiver.client.send(.text, "x")
            #expect(await receiverEnd.value == "receiver is gone")
            let killed = try await Scene(bench)
            let killedEnd = killed.run()
            try await bench.nextTurn()
            killed.interruption.interrupt(FlowError(.killed, "killed"))
            killed.direction.source.stopReading()
            #expect(await killedEnd.value == "killed")
        }
    }

    @Test func `a message that an addon puts in does not come within another`() async throws {
        try await Bench.run { bench in
            let scene = try await Scene(bench)
            let end = scene.run()
            scene.client.send(.text, "ab", isFinal: false)
            #expect(try await scene.server.nextText() == "text… ab")
            #expect(scene.direction.inject(scene.text("mine")) == nil)
            scene.client.send(.continuation, "cd")
            #expect(try await scene.server.nextText() == "continuation cd")
            #expect(try await scene.server.nextText() == "text mine")
            scene.client.close(1000)
            #expect(await end.value == "closed 1000")
            #expect(scene.direction.inject(scene.text("late")) == "this direction has been closed")
        }
    }

    @Test func `so many messages of addons wait at most`() async throws {
        try await Bench.run { bench in
            let scene = try await Scene(bench, limit: 100)
            #expect(scene.direction.inject(scene.text(String(repeating: "x", count: 101))) != nil)
            for _ in 0..<Limits.injectedMessages { #expect(scene.direction.inject(scene.text("x")) == nil) }
            let count = Limits.injectedMessages
            let refusal = scene.direction.inject(scene.text("x"))
            #expect(refusal == "\(count) injected messages are already waiting in this direction")
            let end = scene.run()
            for _ in 0..<count { #expect(try await scene.server.nextText() == "text x") }
            scene.client.close(1000)
            #expect(await end.value == "closed 1000")
        }
    }

    @Test(arguments: ["open", "closed"])
    func `without memory for a message it goes by unseen, or not at all if it is guarded`(policy: String) async throws {
        try await Bench.run(.with { $0.memoryLimit = 1 << 20 }) { bench in
            let addon = try await bench.addon("addon", ["websocket_message"], [.init("on_failure", .string(policy))])
            let scene = try await Scene(bench, limit: 4 << 20)
            let end = scene.run()
            let payload = ByteBuffer(repeating: 7, count: 2 << 20)
            scene.client.send(WebSocketFrame(opcode: .binary, payload: payload))
            if policy == "closed" {
                #expect(await end.value == "violation 1013")
                return
            }
            var received = ByteBuffer()
            while true {
                let frame = try await scene.server.next()
                received.writeImmutableBuffer(frame.payload)
                if frame.isFinal { break }
            }
            #expect(received == payload && scene.flow.messageCount == 1)
            scene.client.close(1000)
            #expect(await end.value == "closed 1000")
            #expect(try await addon.told() == [])
        }
    }
}
