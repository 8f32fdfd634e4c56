import AddonProtocol

extension LoopContext {
    /// Counts what a live flow keeps in memory now.
    func count(_ flow: any LiveFlow) {
        note(flow.memoryUse, of: flow)
    }

    /// Stops counting a flow that has ended; the history counts what it keeps.
    func countNoMore(_ flow: any LiveFlow) {
        note(MemoryUse(), of: flow)
    }

    private func note(_ use: MemoryUse, of flow: any LiveFlow) {
        assertOnLoop(eventLoop)
        let control = flow.control
        let counted = control.counted
        guard use != counted else { return }
        control.counted = use
        memory.add(use.content - counted.content, flow.memoryKind)
        memory.add(use.notes - counted.notes, .notes)
    }

    /// Refuses large metadata and comments when memory is short.
    ///
    /// - Parameter patch: a patch of a flow.
    func checkRoom(forNotesOf patch: JSONValue) throws(PatchRefusal) {
        for member in patch.members ?? [] where member.name == "metadata" || member.name == "comment" {
            let bytes = member.value.memoryByteCount
            guard bytes > Limits.smallContentBytes, !hasRoom(for: bytes) else { continue }
            throw PatchRefusal("flow." + member.name, "takes \(bytes) bytes, which memory_limit does not allow now")
        }
    }
}
