import AddonProtocol
import AddonSDK

/// Watches flows. It only observes: no flow waits, and no body is held.
struct FlowWatch {
    let filter: String?
    let limit: Int

    /// Subscribes to flows, and returns those that exist already.
    func begin(_ daemon: Daemon) async throws -> JSONValue {
        try await subscribe(daemon, after: nil)
    }

    /// Fetches what was lost after `seq`.
    func recover(after seq: Int, _ daemon: Daemon) async throws -> JSONValue {
        try await subscribe(daemon, after: seq)
    }

    private func subscribe(_ daemon: Daemon, after seq: Int?) async throws -> JSONValue {
        var params: [JSONValue.Member] = [.init("live", true), .init("limit", .integer(limit))]
        if let filter { params.append(.init("filter", .string(filter))) }
        if let seq { params.append(.init("after", .integer(seq))) }
        return try await daemon.call(.flowSubscribe, .object(params))
    }
}
