import AddonProtocol

/// What an event is about: gives the event's params and takes the changes that a reply asks for.
protocol EventSubject: AnyObject {
    /// The id of the flow that the event belongs to, if any.
    var flowID: String? { get }
    /// The flow that is held, killed and looked at by filters; nil when there is none.
    var liveFlow: (any LiveFlow)? { get }
    /// The connection that the event belongs to; nil when there is none.
    var connection: ConnectionInfo? { get }
    /// What a hold holds where there is no flow, and by whose id it is ended.
    var heldConnection: ConnectionInfo? { get }
    /// What filters look at; nil when there is no flow.
    var filterView: (any FilterableFlow)? { get }
    /// Grows with each change, whoever made it.
    var revision: Int { get }
    /// How many bytes of bodies or messages a whole snapshot shows.
    var contentByteCount: Int { get }

    /// Writes the event's arguments, each a key and a value, into the open object.
    func writeArguments(_ shape: SnapshotShape, into writer: inout JSONWriter)

    /// Whether a reply may change anything of this argument.
    func mayChange(_ argument: String) -> Bool

    /// Whether a snapshot of this shape can be written as things are.
    func isPrepared(for shape: SnapshotShape) -> Bool

    /// Makes ready what a snapshot of this shape shows, where that takes time.
    ///
    /// - Returns: what it cannot show as it was asked to, for people; nil: nothing.
    func prepare(_ shape: SnapshotShape, on loop: LoopContext) async throws(FlowError) -> String?

    /// Applies a reply's patch of the argument `name`, whole or not at all.
    ///
    /// - Parameters:
    ///   - view: what of a flow the addon was sent.
    ///   - sent: the argument as the addon was sent it.
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

    /// What is there now of what a patch names, for `flow.blame`; nil where that is not kept.
    func excerpt(of named: NamedFields) -> ChangeLog.Excerpt?

    /// From now on `apply` is on trial: nothing counts as sent already, and what is returned undoes all of it; nil where
    /// that cannot be done.
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

    /// What an entry of the log is about, to be put behind it: the flow with its URL or server, or the client.
    var logged: String {
        if let liveFlow { return " (\(liveFlow.logged))" }
        return connection?.peername.map { " (client \($0))" } ?? ""
    }
}
