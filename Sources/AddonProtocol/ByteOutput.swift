/// Bytes to which more are appended, in memory that nobody shares: an append is a copy and a sum.
struct ByteOutput: ~Copyable, @unchecked Sendable {
    private var memory: UnsafeMutableRawBufferPointer
    private(set) var count = 0

    init(capacity: Int) {
        memory = .allocate(byteCount: max(capacity, 1), alignment: 1)
    }

    deinit { memory.deallocate() }

    var capacity: Int { memory.count }

    /// A copy of them.
    var array: [UInt8] { Array(UnsafeRawBufferPointer(rebasing: memory[..<count])) }

    mutating func removeAll() { count = 0 }

    @inline(__always)
    mutating func append(_ byte: UInt8) {
        append(atMost: 1) { $0.put(byte) }
    }

    @inline(__always)
    mutating func append(copying bytes: UnsafeRawBufferPointer) {
        append(atMost: bytes.count) { $0.put(bytes) }
    }

    /// Appends what `body` puts into the span, which has room for `capacity` bytes.
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

    /// Appends what `body` puts at the pointer, `capacity` bytes at most.
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
        let old = memory
        memory = .allocate(byteCount: max(count + more, 2 * old.count), alignment: 1)
        memory.copyMemory(from: UnsafeRawBufferPointer(rebasing: old[..<count]))
        old.deallocate()
    }
}

extension UnsafeMutableRawPointer {
    /// Puts a byte where this points to, and points behind it.
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
