import Glibc

/// Unpredictable random numbers (RFC 6455, section 10.3), fetched from the kernel in batches.
struct RandomKeys {
    /// How many are fetched at once: `getentropy` gives 256 bytes at most.
    private static let fetched = 64

    private var keys: [UInt32] = []

    /// The next random number.
    mutating func next() -> UInt32 {
        if keys.isEmpty { fetch() }
        return keys.removeLast()
    }

    private mutating func fetch() {
        keys.append(contentsOf: repeatElement(0, count: Self.fetched))
        let isFetched = keys.withUnsafeMutableBytes { getentropy($0.baseAddress, $0.count) == 0 }
        guard !isFetched else { return }
        for index in keys.indices { keys[index] = .random(in: .min ... .max) }
    }
}
