import AddonProtocol

/// The subject of `update`: a flow that changed outside its own events.
final class FlowUpdate: EventSubject {
    private let flow: any LiveFlow

    init(_ flow: any LiveFlow) {
        self.flow = flow
    }

    var flowID: String? { flow.id }
    var liveFlow: (any LiveFlow)? { flow }

    func writeArguments(_ shape: SnapshotShape, into writer: inout JSONWriter) {
        writer.key("flows")
        writer.value(.array([flow.summary.json]))
    }

    func apply(
        _ patch: JSONValue,
        of name: String,
        by addon: String,
        view: SnapshotShape,
        sent: () -> JSONValue
    ) throws(PatchRefusal) -> Bool {
        throw .readOnly(name)
    }
}
