import AddonProtocol
import AddonSDK

/// Watches flows. It only observes: no flow waits, and no body is held.
struct FlowWatch {
    let filter: String?
    let limit: Int

    /// Has the daemon tell of flows from now on, and answers those that there are.
    func begin(_ daemon: Daemon) async throws -> JSONValue {
        let answer = try await subscribe(daemon, after: nil)
        // A daemon that does not tell of flows live is asked for the events in which they end.
        if answer["seq"] == nil { _ = try await daemon.call("subscribe", ["events": ends]) }
        return answer
    }

    /// What was lost after `seq`.
    func recover(after seq: Int, _ daemon: Daemon) async throws -> JSONValue {
        try await subscribe(daemon, after: seq)
    }

    private func subscribe(_ daemon: Daemon, after seq: Int?) async throws -> JSONValue {
        var params: [JSONValue.Member] = [.init("live", true), .init("limit", .integer(limit))]
        if let filter { params.append(.init("filter", .string(filter))) }
        if let seq { params.append(.init("after", .integer(seq))) }
        return try await daemon.call("flow.subscribe", .object(params))
    }

    private var ends: JSONValue {
        let events: [Event] = [.response, .error, .httpConnectError, .tcpEnd, .websocketEnd]
        return .array(events.map { Subscription(event: $0, mode: .observe, body: .none, filter: filter).json })
    }
}
