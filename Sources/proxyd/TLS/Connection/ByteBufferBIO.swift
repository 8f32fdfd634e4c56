import COpenSSL
import NIOCore

/// A BIO over two byte buffers, from which OpenSSL reads and to which it writes instead of a socket.
///
/// Ownership: `makeBIO` gives the caller the only reference to a `BIO` that points back here without retaining, so
/// this object must outlive it. `TLSConnection` frees its `SSL`, and with it the `BIO`, before it releases this object.
final class ByteBufferBIO {
    private var inbound = ByteBuffer()
    private var outbound = ByteBuffer()
    /// Whether the peer has sent anything.
    private(set) var hasReceived = false

    func makeBIO() -> OpaquePointer? {
        guard let method = Self.method.pointer, let bio = BIO_new(method) else { return nil }
        BIO_set_data(bio, Unmanaged.passUnretained(self).toOpaque())
        BIO_set_init(bio, 1)
        return bio
    }

    /// Bytes from the network that OpenSSL has not read.
    var unread: ByteBuffer { inbound }

    /// Adds bytes from the network, for OpenSSL to read.
    func receive(_ bytes: ByteBuffer) {
        hasReceived = hasReceived || bytes.readableBytes > 0
        if inbound.readableBytes == 0 {
            inbound = bytes
        } else {
            inbound.writeImmutableBuffer(bytes)
        }
    }

    /// The bytes that OpenSSL wants to send; nil when there are none.
    func takeOutbound() -> ByteBuffer? {
        guard outbound.readableBytes > 0 else { return nil }
        defer { outbound = ByteBuffer() }
        return outbound
    }

    /// Reserves room for the output of a write.
    func reserveOutbound(_ count: Int) {
        outbound.reserveCapacity(minimumWritableBytes: count)
    }

    fileprivate func read(into buffer: UnsafeMutableRawBufferPointer) -> Int {
        let count = min(buffer.count, inbound.readableBytes)
        inbound.readWithUnsafeReadableBytes { bytes in
            buffer.copyMemory(from: UnsafeRawBufferPointer(rebasing: bytes[..<count]))
            return count
        }
        if inbound.readableBytes == 0 { inbound = ByteBuffer() }
        return count
    }

    fileprivate func write(_ bytes: UnsafeRawBufferPointer) {
        outbound.writeBytes(bytes)
    }

    /// Created once, for the life of the process.
    private static let method = BIOMethod()
}

/// The table of functions behind our BIOs. It is never freed or changed.
private struct BIOMethod: @unchecked Sendable {
    let pointer: OpaquePointer?

    init() {
        pointer = BIO_meth_new(BIO_get_new_index() | BIO_TYPE_SOURCE_SINK, "ByteBuffer")
        BIO_meth_set_read(pointer, bioRead)
        BIO_meth_set_write(pointer, bioWrite)
        BIO_meth_set_ctrl(pointer, bioControl)
    }
}

/// The object behind a BIO. It is not retained, since it outlives the BIO.
private func buffers(of bio: OpaquePointer?) -> ByteBufferBIO? {
    BIO_get_data(bio).map { Unmanaged<ByteBufferBIO>.fromOpaque($0).takeUnretainedValue() }
}

private func bioRead(bio: OpaquePointer?, bytes: UnsafeMutablePointer<CChar>?, count: Int32) -> Int32 {
    BIO_clear_flags(bio, BIO_FLAGS_READ | BIO_FLAGS_SHOULD_RETRY)
    guard let buffers = buffers(of: bio), let bytes, count > 0 else { return -1 }
    let read = buffers.read(into: UnsafeMutableRawBufferPointer(start: bytes, count: Int(count)))
    guard read == 0 else { return Int32(read) }
    BIO_set_flags(bio, BIO_FLAGS_READ | BIO_FLAGS_SHOULD_RETRY)
    return -1
}

private func bioWrite(bio: OpaquePointer?, bytes: UnsafePointer<CChar>?, count: Int32) -> Int32 {
    BIO_clear_flags(bio, BIO_FLAGS_READ | BIO_FLAGS_SHOULD_RETRY)
    guard let buffers = buffers(of: bio), let bytes, count >= 0 else { return -1 }
    buffers.write(UnsafeRawBufferPointer(start: bytes, count: Int(count)))
    return count
}

private func bioControl(bio: OpaquePointer?, command: Int32, _: Int, _: UnsafeMutableRawPointer?) -> Int {
    command == BIO_CTRL_FLUSH ? 1 : 0
}
