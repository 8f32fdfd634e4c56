import AddonProtocol
import NIOCore
import Testing

@testable import ProxyCodecs
@testable import ProxyCore

/// An addon, and the seat through which it gets events.
private struct Asking {
    let addon: ScriptedAddon
    let seat: Seat
    private let bench: Bench

    init(_ bench: Bench, _ extra: [JSONValue.Member] = [], events: JSONValue = ["request"]) async throws {
        self.bench = bench
        addon = try await bench.addon("addon", events, extra)
        seat = try #require(bench.host.members.last?.seat)
    }

    /// Hands over an event with a number that identifies it.
    func ask(
        _ number: Int,
        milliseconds: Int = 60_000,
        isUnlimited: Bool = false,
        waits: Bool = false,
        bytes: Int = 0
    ) -> PendingEvent {
        let padding = String(repeating: "x", count: bytes)
        let members = Array("{\"number\":\(number),\"padding\":\"\(padding)\"".utf8)
        let event = PendingEvent(
            .request,
            members,
            on: bench.loop.eventLoop,
            for: seat,
            timeout: isUnlimited ? .never : .milliseconds(milliseconds),
            absenceMilliseconds: milliseconds,
            waitsForSeat: waits
        )
        seat.ask(event)
        return event
    }

    func tell(_ number: Int, bytes: Int = 0) {
        let padding = String(repeating: "x", count: bytes)
        seat.notify(.response, Array("{\"number\":\(number),\"padding\":\"\(padding)\"".utf8))
    }

    var session: AddonSession? { seat.occupant as? AddonSession }
}

extension PendingEvent {
    /// The outcome: the number in its reply, or why there is none.
    fileprivate var outcome: String {
        get async {
            switch await value() {
            case .result(let reply): "\(reply.json["number"]?.intValue ?? 0)"
            case .failure(let failure): "\(failure)"
            case .interrupted(let error): "\(error)"
            }
        }
    }
}

extension ScriptedAddon.Heard {
    fileprivate var number: Int? { params["number"]?.intValue }

    /// A reply that identifies the event by its number.
    fileprivate var echo: JSONValue { ["number": params["number"] ?? .null] }
}

struct AddonSessionTests {
    // MARK: The start

    @Test func `events wait until the addon has answered start and configure`() async throws {
        try await Bench.run { bench in
            let addon = try await bench.connectAddon()
            let welcome = try await addon.call("initialize", ["name": "addon", "events": ["request", "running"]])
            #expect(welcome["protocol"] == 1 && welcome["events"] == ["request", "running"])
            let seat = try #require(bench.host.members.first?.seat)
            let members = Array("{\"number\":1".utf8)
            let event = PendingEvent(
                .request,
                members,
                on: bench.loop.eventLoop,
                timeout: 60_000,
                absenceMilliseconds: 60_000,
                waitsForSeat: false
            )
            seat.ask(event)
            bench.host.announceRunning { [] }
            addon.answer(try await addon.next("start"))
            let configure = try await addon.next("configure")
            #expect(configure.params["updated"]?.arrayValue?.isEmpty == false)
            #expect(try await addon.told() == [])
            addon.answer(configure)
            let asked = try await addon.next("request")
            #expect(asked.number == 1 && asked.params["_meta"] == ["deadline_ms": 60_000, "addon": "addon"])
            addon.answer(asked)
            if case .result = await event.value() {} else { Issue.record("it was not answered") }
            _ = try await addon.next("running")
        }
    }

    @Test(
        arguments: [
            (#"{"jsonrpc":"2.0","id":1,"method":"ping"}"#, "the first message must be the request initialize"),
            (#"{"jsonrpc":"2.0","method":"initialize"}"#, "the first message must be the request initialize"),
            (#"{"jsonrpc":"2.0","#, "it sent an invalid message"),
            (#"{"jsonrpc":"2.0","id":1,"method":"initialize","params":{}}"#, "name: found nothing"),
        ]
    )
    func `who does not begin with initialize is told why, and let go`(frame: String, reason: String) async throws {
        try await Bench.run { bench in
            let addon = try await bench.connectAddon()
            addon.wire.send(frame + "\n")
            await addon.leave()
            #expect(addon.lines.last?.contains("error") == true)
            #expect(bench.host.members.isEmpty)
            #expect(bench.log.contains { $0.hasPrefix("warn proxyd: refused") && $0.contains(reason) }, "\(bench.log)")
        }
    }

    @Test func `one that does not answer start is let go`() async throws {
        try await Bench.run { bench in
            let addon = try await bench.connectAddon()
            try await addon.call("initialize", ["name": "addon", "events": ["request"], "timeout_ms": 1])
            _ = try await addon.next("start")
            await addon.isLetGo()
            #expect(bench.logged("error addon:addon: did not answer start: no reply within 1 ms"))
            #expect(bench.host.members.isEmpty)
        }
    }

    // MARK: Frames

    @Test func `a reply may come in pieces, and several in one`() async throws {
        try await Bench.run { bench in
            let asking = try await Asking(bench)
            let events = [asking.ask(1), asking.ask(2), asking.ask(3)]
            var frames = ""
            for _ in events {
                let asked = try await asking.addon.next("request")
                let message = Message.success(id: try #require(asked.id), result: asked.echo)
                frames += String(decoding: message.encoded(), as: UTF8.self) + "\n"
            }
            let bytes = Array(frames.utf8)
            for byte in bytes.prefix(30) {
                asking.addon.wire.send(ByteBuffer(bytes: [byte]))
                try await bench.nextTurn()
            }
            asking.addon.wire.send(ByteBuffer(bytes: bytes.dropFirst(30)))
            for (index, event) in events.enumerated() { #expect(await event.outcome == "\(index + 1)") }
        }
    }

    @Test func `an unreadable frame fails the one event that waits, and is answered`() async throws {
        try await Bench.run { bench in
            let asking = try await Asking(bench)
            let event = asking.ask(1)
            _ = try await asking.addon.next("request")
            asking.addon.wire.send("{\"jsonrpc\":\n")
            #expect(await event.outcome.hasPrefix("unreadable reply: "))
            _ = try await asking.addon.next("failure")
            #expect(bench.logged("warn addon:addon: sent what cannot be read"))
        }
    }

    @Test func `of several that wait it fails none, since it may have been any's`() async throws {
        try await Bench.run { bench in
            let asking = try await Asking(bench)
            let events = [asking.ask(1), asking.ask(2)]
            let asked = [try await asking.addon.next("request"), try await asking.addon.next("request")]
            asking.addon.send(.success(id: .number(99), result: [:]))
            asking.addon.wire.send("nonsense\n")
            _ = try await asking.addon.next("failure")
            for each in asked { asking.addon.answer(each, each.echo) }
            for (index, event) in events.enumerated() { #expect(await event.outcome == "\(index + 1)") }
            #expect(bench.logged("a reply with the unknown id 99"))
        }
    }

    @Test func `a reply with an id that no event has fails the one that waits; the same number as text is the same`()
        async throws
    {
        try await Bench.run { bench in
            let asking = try await Asking(bench)
            let first = asking.ask(1)
            _ = try await asking.addon.next("request")
            asking.addon.send(.success(id: .string("x"), result: [:]))
            #expect(await first.outcome == "unreadable reply: a reply with the unknown id x")
            let second = asking.ask(2)
            let asked = try await asking.addon.next("request")
            asking.addon.send(.success(id: .string("\(try #require(asked.id))"), result: asked.echo))
            #expect(await second.outcome == "2")
        }
    }

    @Test func `a second reply to the same event counts as late, and changes nothing`() async throws {
        try await Bench.run { bench in
            let asking = try await Asking(bench)
            let event = asking.ask(1)
            let asked = try await asking.addon.next("request")
            asking.addon.answer(asked, asked.echo)
            asking.addon.answer(asked, ["number": 9])
            #expect(await event.outcome == "1")
            try await asking.addon.call("ping")
            #expect(asking.session?.statistics.lateReplies == 1)
        }
    }

    @Test func `calls in a batch are answered in one array`() async throws {
        try await Bench.run { bench in
            let asking = try await Asking(bench)
            asking.addon.wire.send(
                #"[{"jsonrpc":"2.0","id":101,"method":"ping"},{"jsonrpc":"2.0","method":"ping"},"#
                    + #"7,{"jsonrpc":"2.0","id":102,"method":"no.such"}]"# + "\n"
            )
            try await asking.addon.call("ping")
            let array = try #require(asking.addon.lines.first { $0.hasPrefix("[") })
            let answers = try JSONReader.read(Array(array.utf8)).arrayValue ?? []
            let ids = answers.map { $0["id"] ?? .null }
            #expect(Set(ids.map { "\($0)" }) == Set([.integer(101), .integer(102), JSONValue.null].map { "\($0)" }))
            #expect(answers.first { $0["id"] == 102 }?["error"]?["code"] == -32601)
            _ = try await asking.addon.next("failure")
        }
    }

    @Test func `a frame over the limit ends the connection`() async throws {
        try await Bench.run(.with { $0.frameSizeLimit = 1000 }) { bench in
            let asking = try await Asking(bench)
            let event = asking.ask(1)
            _ = try await asking.addon.next("request")
            asking.addon.wire.send(String(repeating: "x", count: 1001))
            #expect(await event.outcome == "connection lost")
            _ = try await asking.addon.next("failure")
            await asking.addon.leave()
        }
    }

    // MARK: Limits

    @Test func `no more events are sent at once than the addon takes, and the next with each reply`() async throws {
        try await Bench.run { bench in
            let asking = try await Asking(bench, [.init("max_in_flight", 2)])
            let events = (1...3).map { asking.ask($0) }
            let first = try await asking.addon.next("request")
            let second = try await asking.addon.next("request")
            #expect(try await asking.addon.told() == [])
            #expect(asking.session?.waiting.queued == 1)
            asking.addon.answer(second, second.echo)
            let third = try await asking.addon.next("request")
            #expect(third.number == 3)
            asking.addon.answer(third, third.echo)
            asking.addon.answer(first, first.echo)
            for (index, event) in events.enumerated() { #expect(await event.outcome == "\(index + 1)") }
        }
    }

    @Test func `what waits for an addon that does not answer is bounded`() async throws {
        try await Bench.run(.with { $0.maxQueue = 2 }) { bench in
            let asking = try await Asking(bench, [.init("max_in_flight", 1)])
            let first = asking.ask(1)
            let asked = try await asking.addon.next("request")
            let queued = [asking.ask(2), asking.ask(3)]
            #expect(await asking.ask(4).outcome.hasPrefix("more than max_queue, 2, events wait for it"))
            asking.addon.answer(asked, asked.echo)
            #expect(await first.outcome == "1")
            for event in queued {
                let next = try await asking.addon.next("request")
                asking.addon.answer(next, next.echo)
                #expect(await event.outcome == "\(next.number ?? 0)")
            }
        }
    }

    @Test func `one that never reads loses the oldest notifications, and hears how many`() async throws {
        try await Bench.run(.with { $0.maxQueue = 5 }) { bench in
            let asking = try await Asking(bench, events: ["response"])
            asking.addon.isReading = false
            var last = 0
            while asking.session?.channel.isWritable == true {
                last += 1
                asking.tell(last, bytes: 64 << 10)
                try await bench.nextTurn()
            }
            for _ in 0..<10 {
                last += 1
                asking.tell(last)
            }
            try await bench.nextTurn()
            asking.addon.isReading = true
            var numbers: [Int] = []
            while numbers.count < last - 5 {
                let heard = try await asking.addon.next()
                if heard.method == "dropped" { #expect(heard.params["count"] == 5) }
                if let number = heard.number { numbers.append(number) }
            }
            #expect(numbers == Array(1...last - 10) + Array(last - 4...last))
        }
    }

    @Test(arguments: [0, 1, 10_000, 1_000_000])
    func `what waits goes out when what was sent has, however much that was`(excess: Int) async throws {
        try await Bench.run { bench in
            let asking = try await Asking(bench, events: ["response"])
            asking.tell(1)
            _ = try await asking.addon.next("response")
            let overhead = try #require(asking.addon.lines.last).utf8.count
            // Exactly what may wait to be written, or more than that, and one more event.
            asking.tell(2, bytes: Limits.addonWriteBytes - overhead + excess)
            asking.tell(3)
            #expect(try await asking.addon.next("response").number == 2)
            #expect(try await asking.addon.next("response").number == 3)
        }
    }

    // MARK: Deadlines

    @Test func `each event has a deadline of its own`() async throws {
        try await Bench.run { bench in
            let asking = try await Asking(bench)
            let patient = asking.ask(1)
            let asked = try await asking.addon.next("request")
            let hasty = asking.ask(2, milliseconds: 1)
            #expect(await hasty.outcome == "no reply within 1 ms")
            _ = try await asking.addon.next("request")
            _ = try await asking.addon.next("$/cancel")
            asking.addon.answer(asked, asked.echo)
            #expect(await patient.outcome == "1")
        }
    }

    @Test func `one whose time is over before it was sent is told as a notification`() async throws {
        try await Bench.run { bench in
            let asking = try await Asking(bench, [.init("max_in_flight", 1)])
            let first = asking.ask(1)
            let asked = try await asking.addon.next("request")
            #expect(await asking.ask(2, milliseconds: 1).outcome == "no reply within 1 ms")
            let told = try await asking.addon.next("request")
            #expect(told.id == nil && told.number == 2)
            asking.addon.answer(asked, asked.echo)
            #expect(await first.outcome == "1")
        }
    }

    @Test func `progress puts off the deadline of an event that waits, and of no other`() async throws {
        try await Bench.run { bench in
            let asking = try await Asking(bench)
            let event = asking.ask(1, milliseconds: 1_000)
            let asked = try await asking.addon.next("request")
            let id = try #require(asked.id).json
            let left = try await asking.addon.call("progress", ["id": id, "extend_ms": 50_000])
            #expect((left["deadline_ms"]?.intValue ?? 0) > 40_000, "\(left)")
            #expect(try await asking.addon.call("progress", ["id": 99, "extend_ms": 1])["applied"] == false)
            asking.addon.answer(asked, asked.echo)
            #expect(await event.outcome == "1")
        }
    }

    // MARK: Suspension

    @Test func `one that fails too often is not asked until it answers a ping`() async throws {
        try await Bench.run { bench in
            let asking = try await Asking(bench)
            for number in 1...Limits.failuresInRow {
                let event = asking.ask(number)
                asking.addon.fail(try await asking.addon.next("request"), "no")
                #expect(await event.outcome == "error reply: no (-32000)")
            }
            try await bench.nextTurn()
            #expect(asking.session?.phase == .suspended)
            #expect(await asking.ask(20).outcome == "suspended after repeated failures")
            let impatient = asking.ask(22, milliseconds: 1, isUnlimited: true, waits: true)
            #expect(await impatient.outcome == "suspended after repeated failures")
            let kept = asking.ask(21, waits: true)
            asking.addon.answer(try await asking.addon.next("ping"))
            let told = try await asking.addon.next("request")
            #expect(told.id == nil && told.number == 22)
            let asked = try await asking.addon.next("request")
            #expect(asked.number == 21)
            asking.addon.answer(asked, asked.echo)
            #expect(await kept.outcome == "21")
            #expect(bench.logged("info addon:addon: answers again"))
        }
    }

    // MARK: The end

    @Test func `after a goodbye nothing waits for the addon; without one what must not pass does`() async throws {
        try await Bench.run { bench in
            let polite = try await bench.addon("polite", ["request"], [.init("on_failure", "closed")])
            let rude = try await bench.addon("rude", ["request"], [.init("on_failure", "closed")])
            try await polite.call("leave")
            await polite.leave()
            await rude.leave()
            #expect(bench.host.members.map(\.seat.name) == ["rude"])
            #expect(bench.loop.dispatcher.plan[.request]?.enforcing.map(\.seat.name) == ["rude"])
            #expect(bench.logged("warn addon:rude: left without a goodbye"))
        }
    }

    @Test func `of one that has left nothing is kept, also of what a tap has seen of it`() async throws {
        try await Bench.run { bench in
            let tap = try await bench.addon("tap", [])
            try await tap.call("tap.start", ["exclude_self": true])
            let asking = try await Asking(bench)
            weak let session = asking.session
            _ = asking.ask(1)
            _ = try await asking.addon.next("request")
            #expect(session != nil)
            await asking.addon.leave()
            try await bench.nextTurn()
            #expect(session == nil)
            _ = try await tap.told()
        }
    }

    @Test func `what has not been sent to one that leaves goes to the next; what has is lost`() async throws {
        try await Bench.run { bench in
            let extra: [JSONValue.Member] = [.init("max_in_flight", 1), .init("on_failure", "closed")]
            let asking = try await Asking(bench, extra)
            let (sent, waiting, open) = (asking.ask(1, waits: true), asking.ask(2, waits: true), asking.ask(3))
            _ = try await asking.addon.next("request")
            await asking.addon.leave()
            #expect(await sent.outcome == "connection lost")
            #expect(await open.outcome == "connection lost")
            let next = try await bench.addon("addon", ["request"], extra)
            let asked = try await next.next("request")
            next.answer(asked, asked.echo)
            #expect(await waiting.outcome == "2")
        }
    }

    @Test func `when the daemon ends each addon is asked to be done, and closed`() async throws {
        try await Bench.run { bench in
            let asking = try await Asking(bench)
            let event = asking.ask(1)
            _ = try await asking.addon.next("request")
            let end = bench.beside { await bench.host.leave(reason: "shutdown") }
            let done = try await asking.addon.next("done")
            #expect(done.params["reason"] == "shutdown")
            #expect(await event.outcome == "connection lost")
            asking.addon.answer(done)
            await end.value
            #expect(asking.session?.hasSaidGoodbye != false)
            await asking.addon.leave()
        }
    }
}
