import NIOCore

/// A body that is being read into memory. Its bytes are counted twice: as the body, and as the event that will show it.
struct BodyHold {
    private(set) var bytes = ByteBuffer()
    private let memory: MemoryLedger
    private var counted = 0

    init(_ memory: MemoryLedger) {
        self.memory = memory
    }

    /// Appends a part of the body.
    mutating func take(_ part: ByteBuffer) {
        bytes.writeImmutableBuffer(part)
        memory.add(bytes.readableBytes - counted, .bodies)
        memory.add(MemoryBudget.shown(bytes.readableBytes) - MemoryBudget.shown(counted), .events)
        counted = bytes.readableBytes
    }

    /// Stops counting; the caller accounts for the bytes from here on.
    func end() {
        memory.add(-counted, .bodies)
        memory.add(-MemoryBudget.shown(counted), .events)
    }
}
