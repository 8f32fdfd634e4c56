import AddonProtocol

/// The way of a patch into a flow: what it changed is remembered, and what an auditing addon wants is not done.
struct Gate {
    let subject: any EventSubject
    let addon: String
    /// An event's name, or the call's that brought the patch.
    let event: String
    private let isAudit: Bool
    /// What the addon was sent.
    private let view: SnapshotShape

    init(subject: any EventSubject, event: Event, _ subscriber: DispatchPlan.Subscriber) {
        self.subject = subject
        addon = subscriber.seat.name
        self.event = event.rawValue
        isAudit = subscriber.isAudit
        view = subscriber.shape
    }

    init(subject: any EventSubject, addon: String, call: String) {
        self.subject = subject
        self.addon = addon
        event = call
        isAudit = false
        view = .everything
    }

    /// Applies the patch of one argument, whole or not at all.
    ///
    /// - Parameter sent: the argument as the addon knows it.
    /// - Returns: whether anything changed.
    @discardableResult
    func apply(_ patch: JSONValue.Member, sent: () -> JSONValue) throws(PatchRefusal) -> Bool {
        let fields = SnapshotFields(named: patch.value)
        let before = subject.excerpt(of: fields)
        let undo = isAudit ? subject.beginTrial() : nil
        if isAudit, undo == nil { return false }
        defer { undo?() }
        guard try subject.apply(patch.value, of: patch.name, by: addon, view: view, sent: sent) else { return false }
        if let before, let after = subject.excerpt(of: fields), let control = subject.liveFlow?.control {
            control.changes.append(
                .init(addon: addon, event: event, isAudit: isAudit, before: before, after: after)
            )
        }
        return true
    }
}
