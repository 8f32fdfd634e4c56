import AddonProtocol

/// What a flow keeps in memory, in bytes.
struct MemoryUse: Equatable, Sendable {
    /// Bodies or messages.
    var content = 0
    /// Metadata and comments.
    var notes = 0

    var total: Int { content + notes }
}

extension LoopContext {
    /// Takes account of what a live flow keeps in memory now.
    func count(_ flow: any LiveFlow) {
        note(flow.memoryUse, of: flow)
    }

    /// A flow, live or not, has been changed from outside its events.
    func recount(_ flow: any LiveFlow) {
        if flows[flow.id] != nil { return count(flow) }
        history.recount(flow, byteLimit: options.flowHistorySize)
    }

    /// The flow has ended: what it keeps is history.
    func countNoMore(_ flow: any LiveFlow) {
        note(MemoryUse(), of: flow)
    }

    private func note(_ use: MemoryUse, of flow: any LiveFlow) {
        assertOnLoop(eventLoop)
        let control = flow.control
        let counted = control.counted
        guard use != counted else { return }
        control.counted = use
        memory.add(use.content - counted.content, flow is HTTPFlow ? .bodies : .messages)
        memory.add(use.notes - counted.notes, .notes)
    }

    /// Whether so many bytes more may be kept for flows and addons.
    func hasRoom(for bytes: Int) -> Bool {
        budget.hasRoom(for: bytes, within: options.memoryLimitInForce)
    }

    /// The same of content that is to be shown; what is small always may.
    func hasRoom(forContent bytes: Int) -> Bool {
        bytes <= Limits.smallContentBytes || hasRoom(for: MemoryBudget.shown(bytes))
    }

    /// What an addon is shown of a subject: what it asked for, or all but the content when there is no memory for that;
    /// nil when it is an addon that must see it, or one that is shown nothing else.
    func shape(for subscriber: DispatchPlan.Subscriber, _ subject: some EventSubject) -> SnapshotShape? {
        guard !hasRoom(toShow: subject, as: subscriber.shape) else { return subscriber.shape }
        var shape = subscriber.shape
        if subscriber.isBinding || shape.body == .stream { return nil }
        shape.body = .none
        shape.keepsRequest = false
        return shape
    }

    private func hasRoom(toShow subject: some EventSubject, as shape: SnapshotShape) -> Bool {
        let count = subject.contentByteCount
        guard count > Limits.smallContentBytes, shape.fields.showsContent else { return true }
        guard !shape.keepsRequest else { return hasRoom(forContent: count) }
        switch shape.body {
        case .none: return true
        case .full, .stream: return hasRoom(forContent: count)
        case .preview(let limit): return hasRoom(forContent: min(limit, count))
        }
    }

    /// Refuses metadata and comments that are large when there is no memory for them.
    ///
    /// - Parameter patch: of a flow.
    func checkRoom(forNotesOf patch: JSONValue) throws(PatchRefusal) {
        for member in patch.members ?? [] where member.name == "metadata" || member.name == "comment" {
            let bytes = member.value.memoryByteCount
            guard bytes > Limits.smallContentBytes, !hasRoom(for: bytes) else { continue }
            throw PatchRefusal("flow." + member.name, "takes \(bytes) bytes, which there are not (memory_limit)")
        }
    }

    /// The same of a body that is to be held and shown.
    func hasRoom(forHeld bytes: Int) -> Bool {
        bytes <= Limits.smallContentBytes || hasRoom(for: bytes + MemoryBudget.shown(bytes))
    }
}
