import AddonProtocol

/// What an event is about: gives the event's params and takes the changes that a reply asks for.
protocol EventSubject: AnyObject {
    /// The id of the flow that the event belongs to, if any.
    var flowID: String? { get }

    /// Writes the event's arguments, each a key and a value, into the open object.
    func writeArguments(_ shape: SnapshotShape, into writer: inout JSONWriter)

    /// Whether a reply may change anything of this argument.
    func mayChange(_ argument: String) -> Bool

    /// Applies a reply's patch of the argument `name`, whole or not at all.
    ///
    /// - Parameter sent: the argument as the addon was sent it.
    /// - Returns: whether anything changed.
    func apply(
        _ patch: JSONValue,
        of name: String,
        by addon: String,
        sent: () -> JSONValue
    ) throws(PatchRefusal)
        -> Bool

    /// Remembers which addon the subject waits for, for people who ask; nil: none.
    func waits(for addon: String?, at event: Event)
}

extension EventSubject {
    var flowID: String? { nil }

    func mayChange(_ argument: String) -> Bool { false }

    func waits(for addon: String?, at event: Event) {}
}

extension HTTPFlow: EventSubject {
    var flowID: String? { id }

    func writeArguments(_ shape: SnapshotShape, into writer: inout JSONWriter) {
        writer.key("flow")
        write(shape, into: &writer)
    }

    func mayChange(_ argument: String) -> Bool { argument == "flow" }

    func apply(
        _ patch: JSONValue,
        of name: String,
        by addon: String,
        sent: () -> JSONValue
    ) throws(PatchRefusal)
        -> Bool
    {
        guard name == "flow" else { throw PatchRefusal(name, "no such argument; allowed: flow, action, stop") }
        return try FlowPatch.apply(patch, to: self, by: addon, sent: sent)
    }

    func waits(for addon: String?, at event: Event) {
        waitingFor = addon.map { ($0, event) }
    }
}
