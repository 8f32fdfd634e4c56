import Testing

@testable import ProxyCodecs
@testable import ProxyCore

struct LoopIDsTests {
    @Test(arguments: [1, 2, 36, 37, 100, 1_297])
    func `an id names the loop that gave it out`(loopCount: Int) {
        let ids = LoopIDs(daemonID: "1hutk6", loopCount: loopCount)
        for index in 0..<loopCount {
            for number in ["1", "z", "10", "1000", "3w5e11264sgsf"] {
                #expect(ids.loop(of: ids.prefix(ofLoop: index) + number) == index)
            }
        }
    }

    @Test func `no two loops give out the same id`() {
        let ids = LoopIDs(daemonID: "a", loopCount: 80)
        let all = (0..<80).flatMap { index in
            var sequence = IDSequence(prefix: ids.prefix(ofLoop: index))
            return (1...100).map { _ in sequence.next() }
        }
        #expect(Set(all).count == all.count)
    }

    @Test(arguments: ["", "a", "b01", "a2", "az1", "a-1", "a+1", "aé", "none"])
    func `what is no id of this daemon`(text: String) {
        #expect(LoopIDs(daemonID: "a", loopCount: 2).loop(of: text) == nil)
        #expect(LoopIDs(daemonID: "a", loopCount: 40).loop(of: text) == nil)
    }
}
