import AddonProtocol

/// What an event is about. It provides the event's params and applies the changes of replies.
protocol EventSubject: AnyObject {
    /// The id of the flow that the event belongs to, if any.
    var flowID: String? { get }
    /// The flow that can be held, killed and filtered; nil when there is none.
    var liveFlow: (any LiveFlow)? { get }
    /// The connection that the event belongs to; nil when there is none.
    var connection: ConnectionInfo? { get }
    /// What a hold applies to when there is no flow. Its id ends the hold.
    var heldConnection: ConnectionInfo? { get }
    /// What filters match against; nil when there is no flow.
    var filterView: (any FilterableFlow)? { get }
    /// Grows with each change, whoever makes it.
    var revision: Int { get }
    /// How many bytes of bodies or messages a complete snapshot shows.
    var contentByteCount: Int { get }

    /// Writes the event's arguments, each as a key and a value, into the open object.
    func writeArguments(_ shape: SnapshotShape, into writer: inout JSONWriter)

    /// Whether a reply may change any part of this argument.
    func mayChange(_ argument: String) -> Bool

    /// Whether a snapshot of this shape can be written without `prepare`.
    func isPrepared(for shape: SnapshotShape) -> Bool

    /// Prepares what a snapshot of this shape shows, where that takes time.
    ///
    /// - Returns: what cannot be shown as requested, as text for users; nil when everything can.
    func prepare(_ shape: SnapshotShape, on loop: LoopContext) async throws(FlowError) -> String?

    /// Applies a reply's patch of the argument `name`, completely or not at all.
    ///
    /// - Parameters:
    /// - view: the parts of a flow that the addon was sent.
    /// - sent: the argument as it was sent to the addon.
    /// - Returns: whether anything changed.
    func apply(
        _ patch: JSONValue,
        of name: String,
        by addon: String,
        view: SnapshotShape,
        sent: () -> JSONValue
    ) throws(PatchRefusal) -> Bool

    /// Sets header fields, where nothing but they depends on that and nothing speaks against it.
    ///
    /// - Returns: what they were and are, for `flow.blame`; nil, and nothing done, where only `apply` of a patch can say
    ///   what becomes of it.
    func apply(_ edits: HeaderEdits) -> (before: ChangeLog.Excerpt, after: ChangeLog.Excerpt)?

    /// Remembers which addon the subject waits for, for people who ask; nil: none.
    func waits(for addon: String?, at event: Event)

    /// The present state of what a patch names, for `flow.blame`; nil when it is not recorded.
    func excerpt(of named: NamedFields) -> ChangeLog.Excerpt?

    /// Puts the subject on trial: nothing counts as already sent, and the returned closure undoes all changes. Nil when
    /// that is not possible.
    func beginTrial() -> (() -> Void)?
}

extension EventSubject {
    var flowID: String? { nil }
    var liveFlow: (any LiveFlow)? { nil }
    var connection: ConnectionInfo? { liveFlow?.clientConnection }
    var heldConnection: ConnectionInfo? { connection }
    var filterView: (any FilterableFlow)? { liveFlow?.view }
    var revision: Int { 0 }
    var contentByteCount: Int { 0 }

    func mayChange(_ argument: String) -> Bool { false }

    func apply(_ edits: HeaderEdits) -> (before: ChangeLog.Excerpt, after: ChangeLog.Excerpt)? { nil }

    func waits(for addon: String?, at event: Event) {}

    func excerpt(of named: NamedFields) -> ChangeLog.Excerpt? { nil }

    func beginTrial() -> (() -> Void)? { nil }

    func isPrepared(for shape: SnapshotShape) -> Bool { true }

    func prepare(_ shape: SnapshotShape, on loop: LoopContext) async throws(FlowError) -> String? { nil }

    /// Names the subject at the end of a log entry: the flow with its URL or server, or the client.
    var logged: String {
        if let liveFlow { return " (\(liveFlow.logged))" }
        return connection?.peername.map { " (client \($0))" } ?? ""
    }
}
