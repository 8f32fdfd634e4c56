import AddonProtocol

/// A flow of any type while it lives, as `LoopContext.flows` holds it; confined to its loop.
protocol LiveFlow: AnyObject, Sendable {
    var id: String { get }
    /// What `flow.list` tells of the flow.
    var summary: FlowSummary { get }
    /// The whole flow, as `flow.get` answers it.
    var snapshot: JSONValue { get }
}

struct FlowSummary: Sendable {
    let created: Double
    let json: JSONValue
}

extension HTTPFlow: LiveFlow {
    var summary: FlowSummary {
        var members: [JSONValue.Member] = [
            .init("id", .string(id)), .init("type", "http"), .init("state", .string(state.rawValue)),
            .init("method", .string(request.method)), .init("url", JSONValue(bytes: url)),
            .init("status_code", response.map { .integer($0.status) } ?? .null),
            .init("client", .string(clientConnection.peername?.description ?? "")),
            .init("timestamp_created", .number(timestampCreated)), .init("rev", .integer(revision)),
        ]
        let waiting: JSONValue =
            waitingFor.map { ["addon": .string($0.addon), "event": .string($0.event.rawValue)] } ?? .null
        members.append(.init("waiting_for", waiting))
        return FlowSummary(created: timestampCreated, json: .object(members))
    }

    /// The whole flow as a value, for callers outside its loop.
    var snapshot: JSONValue {
        var writer = JSONWriter(capacity: 2048)
        write(.everything, into: &writer)
        return (try? JSONReader.read(writer.bytes)) ?? .null
    }
}
