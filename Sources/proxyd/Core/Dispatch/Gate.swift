import AddonProtocol

/// The way of a patch into a flow: what it changed is remembered, and what an auditing addon wants is not done.
struct Gate {
    let subject: any EventSubject
    let addon: String
    /// An event's name, or the call's that brought the patch.
    let event: String
    var isAudit = false

    init(subject: any EventSubject, addon: String, event: Event, isAudit: Bool) {
        self.subject = subject
        self.addon = addon
        self.event = event.rawValue
        self.isAudit = isAudit
    }

    init(subject: any EventSubject, addon: String, call: String) {
        self.subject = subject
        self.addon = addon
        event = call
    }

    /// Applies the patch of one argument, whole or not at all.
    ///
    /// - Parameter sent: the argument as the addon knows it.
    /// - Returns: whether anything changed.
    @discardableResult
    func apply(_ patch: JSONValue.Member, sent: () -> JSONValue) throws(PatchRefusal) -> Bool {
        let before = subject.excerpt(patch.value)
        let undo = isAudit ? subject.savedState() : nil
        if isAudit, undo == nil { return false }
        defer { undo?() }
        guard try subject.apply(patch.value, of: patch.name, by: addon, sent: sent) else { return false }
        if let before, let after = subject.excerpt(patch.value), let control = subject.interception {
            control.changes.append(
                .init(addon: addon, event: event, isAudit: isAudit, before: before, after: after)
            )
        }
        return true
    }
}
