import AddonProtocol
import NIOPosix
import Testing

@testable import ProxyCodecs
@testable import ProxyCore

struct HeldConnectionTests {
    private let info = ConnectionInfo(id: "s1", side: .server, number: 1)
    private let loop: FlowLoop

    init() throws {
        loop = try FlowTable(alone: MultiThreadedEventLoopGroup.singleton).loops[0]
        info.address = .init(host: "a.test", port: 443)
    }

    private func seat(_ name: String, isTaken: Bool = true) -> Seat {
        let seat = Seat(name: name, pool: nil)
        let spec = AddonSpec(name: name, command: "run")
        let mailbox = AddonMailbox(in: seat, spec: spec, identity: AddonIdentity(declared: spec), loop: loop)
        if isTaken { seat.take(by: mailbox) }
        return seat
    }

    /// What the wait for the end of the hold comes to, once `act` has been done.
    private func outcome(
        _ held: HeldConnection,
        _ interruption: Interruption = Interruption(),
        after act: @escaping @Sendable () -> Void
    ) async -> String {
        await loop.perform {
            async let acted: Void = act()
            do throws(FlowError) {
                try await held.untilEnded(interruption)
                await acted
                return "goes on"
            } catch {
                await acted
                return error.message
            }
        }
    }

    @Test func `it is listed while it is held, by where it goes`() throws {
        let held = HeldConnection(info, at: .serverconnect)
        #expect(held.listing == nil)
        held.hold(by: seat("a"))
        let listing = try #require(held.listing)
        #expect(listing["id"] == "s1" && listing["type"] == "connection" && listing["event"] == "serverconnect")
        #expect(listing["peer"] == "a.test:443" && (listing["since"]?.doubleValue ?? 0) > 0)
        #expect(held.resume() && !held.resume() && held.listing == nil)
    }

    @Test func `it goes on once it is resumed`() async {
        let held = HeldConnection(info, at: .serverconnect)
        held.hold(by: seat("a"))
        #expect(await outcome(held) { _ = held.resume() } == "goes on")
    }

    @Test func `it goes on when all who hold it have left`() async {
        let (held, seats) = (HeldConnection(info, at: .serverconnect), [seat("a"), seat("b")])
        for seat in seats { held.hold(by: seat) }
        held.left(seats[0])
        #expect(held.listing != nil)
        #expect(await outcome(held) { held.left(seats[1]) } == "goes on")
    }

    @Test func `one that has left before its hold counts holds nothing`() {
        let held = HeldConnection(info, at: .serverconnect)
        held.hold(by: seat("a", isTaken: false))
        #expect(held.listing == nil)
    }

    @Test func `an addon kills it while it is held, and not afterwards`() async {
        let held = HeldConnection(info, at: .serverconnect)
        #expect(!held.kill(by: "b"))
        held.hold(by: seat("a"))
        #expect(await outcome(held) { _ = held.kill(by: "b") } == "killed by addon b")
    }

    @Test func `the interruption ends the hold`() async {
        let (held, interruption) = (HeldConnection(info, at: .serverconnect), Interruption())
        held.hold(by: seat("a"))
        let end = await outcome(held, interruption) { interruption.interrupt(FlowError(.shutdown, "stop")) }
        #expect(end == "goes on" && held.listing == nil)
    }

    // MARK: All of a loop

    @Test func `all of one id are found, and remembered for a while when they have ended`() {
        let (all, one, other) = (
            HeldConnections(), HeldConnection(info, at: .serverconnect), HeldConnection(info, at: .serverconnect)
        )
        let a = seat("a")
        for held in [one, other] {
            held.hold(by: a)
            all.add(held)
        }
        #expect(all["s1"].count == 2 && all.listing.count == 2 && !all.wasHeld("s1"))
        all.left(a)
        #expect(all.listing.isEmpty && all["s1"].count == 2)
        all.remove(one)
        all.remove(other)
        #expect(all["s1"].isEmpty && all.wasHeld("s1"))
        for number in 0..<Limits.formerHolds {
            all.remove(HeldConnection(ConnectionInfo(id: "x\(number)", side: .server, number: 1), at: .serverconnect))
        }
        #expect(!all.wasHeld("s1") && all.wasHeld("x0"))
    }
}
