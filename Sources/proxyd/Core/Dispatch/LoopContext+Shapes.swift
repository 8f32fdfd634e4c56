import AddonProtocol

extension LoopContext {
    /// What an addon is shown of a subject: what it asked for, or everything but the content if memory is short. Nil if
    /// the addon must see the content, or asked for content only.
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
}
