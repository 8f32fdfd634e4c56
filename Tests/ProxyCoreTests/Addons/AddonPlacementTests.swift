import Testing

@testable import ProxyCodecs
@testable import ProxyCore

@Suite("Addon placement")
struct AddonPlacementTests {
    private let placement = AddonPlacement(loops: 3)

    private func take(_ names: String...) -> [Int] { names.map(placement.take) }

    @Test("the processes of an addon are spread, whoever comes between them")
    func spreadsProcesses() {
        #expect(take("a", "b", "a", "b", "b", "a") == [0, 1, 2, 0, 2, 1])
    }

    @Test("addons of one process are spread")
    func spreadsAddons() {
        #expect(take("a", "b", "c", "d") == [0, 1, 2, 0])
    }

    @Test("one that is started again gets the place that it left")
    func takesFreePlace() {
        #expect(take("a", "a", "a", "b") == [0, 1, 2, 0])
        placement.free("a", on: 0)
        #expect(take("a") == [0])
    }

    @Test("what has no place is not taken away")
    func ignoresUnknown() {
        placement.free("a", on: 1)
        #expect(take("a", "a") == [0, 1])
    }
}
