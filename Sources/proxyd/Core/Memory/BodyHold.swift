import NIOCore

/// A body on its way into memory. Its bytes are counted twice: as they are, and as the event that will show them.
struct BodyHold {
    private(set) var bytes = ByteBuffer()
    private let memory: MemoryLedger
    private var counted = 0

    init(_ memory: MemoryLedger) {
        self.memory = memory
    }

    mutating func take(_ part: ByteBuffer) {
        bytes.writeImmutableBuffer(part)
        memory.add(bytes.readableBytes - counted, .bodies)
        memory.add(MemoryBudget.shown(bytes.readableBytes) - MemoryBudget.shown(counted), .events)
        counted = bytes.readableBytes
    }

    /// What has been taken is counted elsewhere from here on.
    func end() {
        memory.add(-counted, .bodies)
        memory.add(-MemoryBudget.shown(counted), .events)
    }
}
