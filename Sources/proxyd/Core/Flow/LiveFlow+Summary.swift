import AddonProtocol

extension LiveFlow {
    /// - Parameter http: the exchange that the flow is, or began with.
    func summary(
        type: JSONValue,
        state: String,
        http: HTTPFlow?,
        client: ConnectionInfo,
        server: ConnectionInfo?,
        waitingFor: (addon: String, event: Event)?
    ) -> FlowSummary {
        let response = http?.response
        let json: JSONValue = [
            "id": .string(id), "type": type, "state": .string(state),
            "method": http.map { .string($0.request.method) } ?? .null,
            "url": http.map { JSONValue(bytes: $0.url) } ?? .null,
            "status_code": response.map { .integer($0.status) } ?? .null,
            "client": .string(client.peername?.description ?? ""),
            "server": server?.address.map { .string($0.description) } ?? .null,
            "is_replay": replay.map { .string($0.rawValue) } ?? .null, "timestamp_created": .number(timestampCreated),
            "rev": .integer(revision), "intercepted": .bool(control.isIntercepted), "held": control.held,
            "waiting_for": waitingFor.map { ["addon": .string($0.addon), "event": .string($0.event.rawValue)] }
                ?? .null,
            "content_type": response?.headers.first("content-type").map { JSONValue(bytes: Array($0)) } ?? .null,
            "request_size": .integer(sizes.request), "response_size": sizes.response.map { .integer($0) } ?? .null,
            "duration": timestampEnded.map { .number(max(0, $0 - timestampCreated)) } ?? .null,
            "error_kind": failure.map { .string($0.error.kind.rawValue) } ?? .null,
            "origin": response.map { .string($0.origin.name) } ?? .null,
            "marked": .string(notes.marked.shortened(toBytes: Limits.listedNoteBytes)),
            "comment": .string(notes.comment.shortened(toBytes: Limits.listedNoteBytes)),
            "changed_by": .array(control.changes.addons.map { .string($0) }),
        ]
        return FlowSummary(place: FlowCursor(created: timestampCreated, id: id), json: json)
    }
}
