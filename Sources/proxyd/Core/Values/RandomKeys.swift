import Glibc
import NIOCore

/// Unpredictable random numbers (RFC 6455, section 10.3), fetched from the kernel in batches.
struct RandomKeys {
    /// The most that `getentropy` gives at once, in bytes.
    private static let fetchedBytes = 256

    private var bytes = ByteBuffer()

    /// The next random number.
    mutating func next() -> UInt32 {
        if let key = bytes.readInteger(as: UInt32.self) { return key }
        bytes.clear()
        bytes.writeWithUnsafeMutableBytes(minimumWritableBytes: Self.fetchedBytes) { space in
            getentropy(space.baseAddress, Self.fetchedBytes) == 0 ? Self.fetchedBytes : 0
        }
        return bytes.readInteger(as: UInt32.self) ?? .random(in: .min ... .max)
    }
}
