/// What one flow keeps in memory, in bytes.
struct MemoryUse: Equatable, Sendable {
    /// Bodies or messages.
    var content = 0
    /// Metadata and comments.
    var notes = 0

    var total: Int { content + notes }
}
