import AddonProtocol
import AddonSDK

/// Has the daemon send recorded requests, a limited number at a time.
struct Sender: Sendable {
    static let maximumConcurrency = 200
    /// How long to wait while the requests of other addons reach the daemon's limit.
    private static let pause = Duration.milliseconds(50)

    let report: SentReport
    private let flows: RecordedFlows<Void>
    private let daemon: Daemon
    private let sent: SentFlows

    init(_ flows: RecordedFlows<Void>, _ daemon: Daemon, _ sent: SentFlows, _ report: SentReport) {
        (self.flows, self.daemon, self.sent, self.report) = (flows, daemon, sent, report)
    }

    /// Sends the requests, and returns when all flows have ended.
    ///
    /// - Throws: when the connection to the daemon is lost, or the daemon refuses to send anything.
    func send(_ concurrency: Int) async throws {
        try await withThrowingTaskGroup(of: Void.self) { group in
            for (number, entry) in flows.entries.enumerated() {
                if number >= concurrency { try await group.next() }
                group.addTask { try await send(entry) }
            }
            try await group.waitForAll()
        }
    }

    @concurrent
    private func send(_ entry: RecordedFlows<Void>.Entry) async throws {
        let flow = try flows.flow(entry)
        guard let request = RecordedRequest.params(of: flow) else {
            return report.refuse(flow, "\(flows.path): \(entry.place): the body of the request is not in the file")
        }
        do {
            let id = try await create(request)
            guard let ended = await sent.end(of: id) else { throw DaemonError.connectionLost }
            report.add(ended, recorded: flow)
        } catch let error as ProtocolError where error.code == ProtocolError.invalidParams {
            report.refuse(flow, "\(flows.path): \(entry.place): \(error.message)")
        } catch DaemonError.tooLarge(let bytes, let limit) {
            let size = "of \(bytes) bytes; frame_size_limit is \(limit)"
            report.refuse(flow, "\(flows.path): \(entry.place): too large, as it takes a message \(size)")
        }
    }

    private func create(_ request: JSONValue) async throws -> String {
        while true {
            do {
                return try await daemon.call(.flowCreate, ["request": request, "is_replay": "request"]).text("id")
            } catch let error as ProtocolError where error.code == ProtocolError.overLimit {
                try await Task.sleep(for: Self.pause)
            } catch DaemonError.overLimit {
                try await Task.sleep(for: Self.pause)
            }
        }
    }
}
