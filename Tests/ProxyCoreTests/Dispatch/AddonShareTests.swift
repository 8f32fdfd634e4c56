import AddonProtocol
import NIOPosix
import Testing

@testable import ProxyCodecs
@testable import ProxyCore

/// Processes of one addon, among which the connections are divided.
struct AddonShareTests {
    private let loops: [FlowLoop]
    private let seats: [Seat]

    init() throws {
        loops = try FlowTable(alone: MultiThreadedEventLoopGroup.singleton).loops
        let instances = try #require(AddonSpec(parsing: "shop*3=run")).instances
        seats = instances.map { Seat(name: $0.name, pool: AddonPool(spawned: $0)) }
    }

    private func sitDown(in seat: Seat, on loop: FlowLoop) {
        let spec = AddonSpec(name: seat.name, command: "run")
        seat.take(by: AddonMailbox(in: seat, spec: spec, identity: AddonIdentity(declared: spec), loop: loop))
    }

    /// Which of the first six connections' events each seat gets.
    private func shares(on loop: FlowLoop) -> [[Int]] {
        seats.map { seat in
            let share = AddonShare(of: seat, among: seats, on: loop.eventLoop)
            return (0..<6).filter { share?.contains(connection($0)) ?? false }
        }
    }

    private func connection(_ number: Int) -> any EventSubject {
        let client = ConnectionInfo(id: "c\(number)", side: .client(mode: "regular"), number: number)
        return ServerConnectEvent(server: ConnectionInfo(id: "s", side: .server, number: number), client: client)
    }

    @Test func `each connection is one process's, and together they have all`() {
        for seat in seats { sitDown(in: seat, on: loops[0]) }
        #expect(shares(on: loops[0]) == [[0, 3], [1, 4], [2, 5]])
    }

    @Test func `who is there has what those who are not would have`() {
        sitDown(in: seats[0], on: loops[0])
        sitDown(in: seats[2], on: loops[0])
        #expect(shares(on: loops[0]) == [[0, 2, 4], [], [1, 3, 5]])
    }

    @Test func `while nobody is there each seat has its part to wait for`() {
        #expect(shares(on: loops[0]) == [[0, 3], [1, 4], [2, 5]])
    }

    @Test func `a loop's connections go to processes on the same loop`() throws {
        try #require(loops.count > 1)
        sitDown(in: seats[0], on: loops[0])
        sitDown(in: seats[1], on: loops[1])
        sitDown(in: seats[2], on: loops[1])
        #expect(shares(on: loops[0]) == [[0, 1, 2, 3, 4, 5], [], []])
        #expect(shares(on: loops[1]) == [[], [0, 2, 4], [1, 3, 5]])
    }

    @Test func `an addon of one process has everything, whoever else is there`() throws {
        let alone = Seat(name: "alone", pool: nil)
        let share = try #require(AddonShare(of: alone, among: seats + [alone], on: loops[0].eventLoop))
        #expect((0..<6).allSatisfy { share.contains(connection($0)) })
    }
}
