extension LoopContext {
    /// Whether there is memory for so many more bytes of flows and addons.
    func hasRoom(for bytes: Int) -> Bool {
        budget.hasRoom(for: bytes, within: options.memoryLimitInForce)
    }

    /// Whether there is memory to show content of this size. Small content is always allowed.
    func hasRoom(forContent bytes: Int) -> Bool {
        bytes <= Limits.smallContentBytes || hasRoom(for: MemoryBudget.shown(bytes))
    }

    /// Whether there is memory to hold and show a body of this size.
    func hasRoom(forHeld bytes: Int) -> Bool {
        bytes <= Limits.smallContentBytes || hasRoom(for: bytes + MemoryBudget.shown(bytes))
    }
}
