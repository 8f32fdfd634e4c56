import AddonProtocol

/// Applies patches to a flow. It records what they change, and does not apply those of auditing addons.
struct Gate {
    let subject: any EventSubject
    let addon: String
    /// An event's name, or that of the call that brought the patch.
    let event: String
    private let isAudit: Bool
    /// What the addon was sent.
    private let view: SnapshotShape
    private let mutablePaths: MutablePaths?

    /// A gate for an addon's reply to an event.
    init(subject: any EventSubject, event: Event, _ subscriber: DispatchPlan.Subscriber, view: SnapshotShape) {
        self.subject = subject
        addon = subscriber.seat.name
        self.event = event.rawValue
        isAudit = subscriber.isAudit
        self.view = view
        mutablePaths = subscriber.mutablePaths
    }

    init(subject: any EventSubject, addon: String, _ rights: AddonRights, call: Call) {
        self.subject = subject
        self.addon = addon
        mutablePaths = rights.mutablePaths
        event = call.rawValue
        isAudit = false
        view = SnapshotShape(fields: .all, body: .full, redaction: rights.redaction)
    }

    /// A gate for a reply that is only tried.
    init(subject: any EventSubject, event: Event, view: SnapshotShape) {
        self.subject = subject
        addon = "addon"
        self.event = event.rawValue
        isAudit = false
        self.view = view
        mutablePaths = nil
    }

    /// Applies the patch of one argument, completely or not at all.
    ///
    /// - Parameter sent: the argument as the addon knows it.
    /// - Returns: whether anything changed.
    @discardableResult
    func apply(_ patch: JSONValue.Member, sent: () -> JSONValue) throws(PatchRefusal) -> Bool {
        guard let redaction = view.redaction else { return try applyWhole(patch, sent: sent) }
        let original = subject.argument(patch.name)
        let restored = try redaction.restored(patch.value, from: original, at: patch.name)
        let known = (try? redaction.restored(sent(), from: original, at: patch.name)) ?? original
        return try applyWhole(.init(patch.name, restored), sent: { known })
    }

    /// Applies what sets header fields alone, where nothing else has to be looked at.
    ///
    /// - Returns: whether it has been applied; if not, nothing has been done.
    func apply(_ edits: HeaderEdits) -> Bool {
        guard view.redaction == nil, mutablePaths == nil, !isAudit, let excerpts = subject.apply(edits) else {
            return false
        }
        let entry = ChangeLog.Entry(
            addon: addon,
            event: event,
            isAudit: false,
            before: excerpts.before,
            after: excerpts.after
        )
        subject.liveFlow?.control.changes.append(entry)
        return true
    }

    /// The same with a patch, and what was sent, as they are without redaction.
    private func applyWhole(_ patch: JSONValue.Member, sent: () -> JSONValue) throws(PatchRefusal) -> Bool {
        try mutablePaths?.check(patch, sent: sent())
        let named = NamedFields(patch.value)
        let before = subject.excerpt(of: named)
        let undo = isAudit ? subject.beginTrial() : nil
        if isAudit, undo == nil { return false }
        defer { undo?() }
        guard try subject.apply(patch.value, of: patch.name, by: addon, view: view, sent: sent) else { return false }
        if let before, let after = subject.excerpt(of: named), let control = subject.liveFlow?.control {
            control.changes.append(
                .init(addon: addon, event: event, isAudit: isAudit, before: before, after: after)
            )
        }
        return true
    }
}

extension EventSubject {
    /// An argument of the event in its present state, complete.
    fileprivate func argument(_ name: String) -> JSONValue {
        var writer = JSONWriter()
        writer.beginObject()
        writeArguments(.everything, into: &writer)
        writer.endObject()
        return (try? JSONReader.read(writer.bytes, maximumDepth: Limits.ownDepth))?[name] ?? .null
    }
}
