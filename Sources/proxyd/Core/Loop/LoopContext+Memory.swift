extension LoopContext {
    /// Whether so many bytes more may be kept for flows and addons.
    func hasRoom(for bytes: Int) -> Bool {
        budget.hasRoom(for: bytes, within: options.memoryLimitInForce)
    }

    /// The same of content that is to be shown; what is small always may.
    func hasRoom(forContent bytes: Int) -> Bool {
        bytes <= Limits.smallContentBytes || hasRoom(for: MemoryBudget.shown(bytes))
    }

    /// The same of a body that is to be held and shown.
    func hasRoom(forHeld bytes: Int) -> Bool {
        bytes <= Limits.smallContentBytes || hasRoom(for: bytes + MemoryBudget.shown(bytes))
    }
}
