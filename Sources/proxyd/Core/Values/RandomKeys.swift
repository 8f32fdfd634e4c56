import Glibc
import NIOCore

/// Random numbers that nobody can foretell (RFC 6455, section 10.3), fetched from the kernel many at a time.
struct RandomKeys {
    /// The most that `getentropy` gives at once, in bytes.
    private static let fetchedBytes = 256

    private var bytes = ByteBuffer()

    mutating func next() -> UInt32 {
        if let key = bytes.readInteger(as: UInt32.self) { return key }
        bytes.clear()
        bytes.writeWithUnsafeMutableBytes(minimumWritableBytes: Self.fetchedBytes) { space in
            getentropy(space.baseAddress, Self.fetchedBytes) == 0 ? Self.fetchedBytes : 0
        }
        return bytes.readInteger(as: UInt32.self) ?? .random(in: .min ... .max)
    }
}
