import AddonProtocol
import NIOCore
import NIOPosix
import Testing

@testable import ProxyCodecs
@testable import ProxyCore

/// An addon without a connection: it records what arrives, and answers immediately.
private final class ScriptedMailbox: AddonMailbox, @unchecked Sendable {
    private var noted: [String] = []

    convenience init(in seat: Seat, on loop: LoopContext) {
        let spec = AddonSpec(name: seat.name, command: "run")
        self.init(in: seat, spec: spec, identity: AddonIdentity(declared: spec), loop: loop)
    }

    override func receive(_ deliveries: [Delivery]) {
        for delivery in deliveries {
            switch delivery {
            case .ask(let event):
                noted.append("ask \(event.event.rawValue)")
                event.complete(.result(.json(["number": 1])))
            case .notify(let told): noted.append("notify \(told.method)")
            case .miss: noted.append("miss")
            case .cancel(_, let reason): noted.append("cancel \(reason)")
            case .rejected(let event): noted.append("rejected \(event.rawValue)")
            }
        }
    }

    /// What has arrived before this call.
    var deliveries: [String] { get async { await loop.run { _ in self.noted } } }
}

struct AddonMailboxTests {
    private let seat = Seat(name: "price", pool: nil)
    private let loop: LoopContext

    init() throws {
        loop = try FlowTable(alone: MultiThreadedEventLoopGroup.singleton).loops[0]
    }

    private func event() -> PendingEvent {
        PendingEvent(
            .request,
            [],
            on: loop.eventLoop,
            timeout: .milliseconds(60_000),
            absenceMilliseconds: 60_000,
            waitsForSeat: true
        )
    }

    private func reply(to event: PendingEvent) async -> EventReply {
        await loop.perform { await event.value() }
    }

    @Test func `what any thread leaves comes in order, on the addon's loop`() async {
        let mailbox = ScriptedMailbox(in: seat, on: loop)
        seat.take(by: mailbox)
        seat.notify(.response, [])
        let asked = event()
        seat.ask(asked)
        seat.miss()
        seat.cancel(asked, reason: "gone")
        seat.reject(.readOnly("flow.id"), of: .request, flow: nil)
        let all = [
            "notify response", "ask request", "miss", "cancel gone", "notify rejected", "rejected request",
        ]
        #expect(await mailbox.deliveries == all)
        if case .result(.json(["number": 1])) = await reply(to: asked) {} else { Issue.record("it was not answered") }
    }

    @Test func `what has waited for the seat comes to whoever sits down`() async {
        let waiting = event()
        seat.ask(waiting)
        let mailbox = ScriptedMailbox(in: seat, on: loop)
        seat.take(by: mailbox)
        #expect(await mailbox.deliveries == ["ask request"])
    }

    @Test func `with nobody behind the mailbox what is asked fails`() async {
        let spec = AddonSpec(name: "price", command: "run")
        let identity = AddonIdentity(declared: spec)
        seat.take(by: AddonMailbox(in: seat, spec: spec, identity: identity, loop: loop))
        let asked = event()
        seat.ask(asked)
        if case .failure(.lost) = await reply(to: asked) {} else { Issue.record("it did not fail") }
    }

    @Test func `two are one addon when they are processes of one pool`() throws {
        let processes = try #require(AddonSpec(parsing: "shop*2=run")).instances
        let pooled = processes.map { spec in
            ScriptedMailbox(in: Seat(name: spec.name, pool: AddonPool(spawned: spec)), on: loop)
        }
        let alone = ScriptedMailbox(in: seat, on: loop)
        #expect(pooled[0].isOneAddon(with: pooled[1]) && alone.isOneAddon(with: alone))
        #expect(!pooled[0].isOneAddon(with: alone) && !alone.isOneAddon(with: pooled[0]))
    }
}
