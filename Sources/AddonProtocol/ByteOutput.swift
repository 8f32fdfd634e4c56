import Glibc

/// A growing byte buffer in memory of its own, so that an append is only a copy and an addition.
struct ByteOutput: ~Copyable, @unchecked Sendable {
    private var memory: UnsafeMutableRawBufferPointer
    private(set) var count = 0

    init(capacity: Int) {
        let size = max(capacity, 1)
        memory = UnsafeMutableRawBufferPointer(start: malloc(size), count: size)
    }

    deinit { free(memory.baseAddress) }

    var capacity: Int { memory.count }

    /// A copy of the bytes.
    var array: [UInt8] { Array(UnsafeRawBufferPointer(rebasing: memory[..<count])) }

    /// Copies many bytes without needing twice the memory: what is copied is released piece by piece. Empties the
    /// buffer.
    mutating func takeArray() -> [UInt8] {
        defer { count = 0 }
        return Array(unsafeUninitializedCapacity: count) { target, initialized in
            for start in stride(from: 0, to: count, by: Self.pieceBytes) {
                let piece = UnsafeMutableRawBufferPointer(rebasing: memory[start..<min(start + Self.pieceBytes, count)])
                UnsafeMutableRawBufferPointer(rebasing: UnsafeMutableRawBufferPointer(target)[start...])
                    .copyMemory(from: UnsafeRawBufferPointer(piece))
                Self.letGo(piece)
            }
            initialized = count
        }
    }

    static let pieceBytes = 1 << 20

    /// Returns whole pages to the kernel (madvise(2)).
    private static func letGo(_ bytes: UnsafeMutableRawBufferPointer) {
        guard let start = bytes.baseAddress else { return }
        let first = start.alignedUp(toMultipleOf: pageBytes)
        let length = (start + bytes.count).alignedDown(toMultipleOf: pageBytes) - first
        if length > 0 { madvise(first, length, CInt(MADV_DONTNEED)) }
    }

    private static let pageBytes = sysconf(CInt(_SC_PAGESIZE))

    mutating func removeAll() { count = 0 }

    @inline(__always)
    mutating func append(_ byte: UInt8) {
        append(atMost: 1) { $0.put(byte) }
    }

    @inline(__always)
    mutating func append(copying bytes: UnsafeRawBufferPointer) {
        append(atMost: bytes.count) { $0.put(bytes) }
    }

    /// Appends what `body` writes to the span, which has room for `capacity` bytes.
    @inline(__always)
    mutating func append(addingCapacity capacity: Int, _ body: (inout OutputSpan<UInt8>) -> Void) {
        makeRoom(capacity)
        let room = UnsafeMutableRawBufferPointer(rebasing: memory[count..<count + capacity]).assumingMemoryBound(
            to: UInt8.self
        )
        var span = OutputSpan(buffer: room, initializedCount: 0)
        body(&span)
        count += span.finalize(for: room)
    }

    /// Appends what `body` writes at the pointer, at most `capacity` bytes.
    @inline(__always)
    mutating func append(atMost capacity: Int, _ body: (inout UnsafeMutableRawPointer) -> Void) {
        makeRoom(capacity)
        guard let start = memory.baseAddress else { return }
        var end = start + count
        body(&end)
        count = end - start
    }

    @inline(__always)
    private mutating func makeRoom(_ more: Int) {
        if memory.count - count < more { grow(by: more) }
    }

    @inline(never)
    private mutating func grow(by more: Int) {
        // For many bytes this copies nothing: the kernel moves their pages (mremap(2)).
        let size = max(count + more, 2 * memory.count)
        memory = UnsafeMutableRawBufferPointer(start: realloc(memory.baseAddress, size), count: size)
    }
}

extension UnsafeMutableRawPointer {
    /// Writes a byte and advances the pointer.
    @inline(__always)
    mutating func put(_ byte: UInt8) {
        storeBytes(of: byte, as: UInt8.self)
        self += 1
    }

    @inline(__always)
    mutating func put(_ bytes: UnsafeRawBufferPointer) {
        guard let source = bytes.baseAddress else { return }
        copyMemory(from: source, byteCount: bytes.count)
        self += bytes.count
    }
}
