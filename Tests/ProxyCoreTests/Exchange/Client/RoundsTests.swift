import Testing

@testable import ProxyCodecs
@testable import ProxyCore

struct RoundsTests {
    private func address(_ port: Int) -> ConnectionInfo.Address { .init(host: "127.0.0.1", port: port) }

    @Test func `a client is followed back to where it came from`() {
        let clients = [address(2): address(1), address(3): address(2), address(4): nil]
        #expect([1, 2, 3, 4, 9].map { Rounds.count(of: address($0), in: clients) } == [0, 1, 2, 1, 0])
        #expect(Rounds.count(of: nil, in: clients) == 0)
    }

    @Test func `addresses that lead to themselves are followed no further than needed`() {
        #expect(Rounds.count(of: address(1), in: [address(1): address(1)]) == Limits.rounds + 1)
    }
}
