#if DEBUG
#if canImport(Glibc)
import Glibc
#else
import Musl
#endif

/// SplitMix64: random numbers that are reproducible from a seed. A failure names the seed; `PROXYD_SEED=N` reuses it.
public struct SeededGenerator: RandomNumberGenerator, CustomStringConvertible {
    public let seed: UInt64
    private var state: UInt64

    public init(_ seed: UInt64 = Self.chosenSeed) {
        self.seed = seed
        state = seed
    }

    public var description: String { "PROXYD_SEED=\(seed)" }

    /// The seed in the environment, or a new one each time.
    public static var chosenSeed: UInt64 {
        getenv("PROXYD_SEED").flatMap { UInt64(String(cString: $0)) } ?? .random(in: .min ... .max)
    }

    public mutating func next() -> UInt64 {
        state &+= 0x9e37_79b9_7f4a_7c15
        var mixed = (state ^ (state >> 30)) &* 0xbf58_476d_1ce4_e5b9
        mixed = (mixed ^ (mixed >> 27)) &* 0x94d0_49bb_1331_11eb
        return mixed ^ (mixed >> 31)
    }
}
#endif
