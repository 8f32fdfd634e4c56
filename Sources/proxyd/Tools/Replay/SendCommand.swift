import AddonProtocol
import AddonSDK
import ArgumentParser
import ProxyCore

struct SendCommand: Tool {
    static let configuration = CommandConfiguration(
        commandName: "send",
        abstract: "Send the requests of recorded flows again, through the running daemon.",
        discussion: """
            FILE is a HAR, or a recording of `proxyd record` or the inspector. Each request passes through the daemon and all its \
            addons as if a client had sent it; flows are listed as they end. was:STATUS marks those whose recorded response had another \
            status. WebSockets and connections are left out. Exit code 1: a request was not answered.

            EXAMPLES
              proxyd send session.har
              proxyd send session.har --concurrency 8 --filter '~m get & ~d example.com'
            """
    )

    @Argument(help: "The recorded flows.", completion: .file())
    var file: String

    @Option(help: ArgumentHelp("How many requests may be pending at once.", valueName: "n"))
    var concurrency = 1

    @Option(help: "Only flows that match this flow filter, judged as recorded.")
    var filter: String?

    @OptionGroup var tool: ToolOptions

    func validate() throws {
        guard (1...Sender.maximumConcurrency).contains(concurrency) else {
            throw ValidationError("--concurrency \(concurrency): allowed is 1 to \(Sender.maximumConcurrency)")
        }
        _ = try compiledFilter
    }

    func work() async throws {
        let (flows, foreign) = try read()
        for (place, what) in foreign { Notice.write(escapedForTerminal("\(file): \(place): \(what); not sent")) }
        let sent = SentFlows()
        let (losses, lost) = AsyncStream.makeStream(of: Void.self)
        let daemon = try await connect(SentFlows.subscriptions) { call in
            if sent.receive(call) { lost.yield() }
            return nil
        }
        Task {
            await daemon.waitUntilClosed()
            sent.lose()
        }
        Task { for await _ in losses { await sent.ask(daemon) } }
        let sender = Sender(flows, daemon, sent, SentReport(json: tool.json))
        try await sender.send(concurrency)
        sender.report.end(foreign: foreign.count)
        if sender.report.failed > 0 {
            throw ToolFailure.nothing("\(Words.count(sender.report.failed, "request", "requests")) not answered")
        }
    }

    /// The flows to send, and the entries of the file that cannot be sent.
    private func read() throws -> (RecordedFlows<Void>, foreign: [(place: String, what: String)]) {
        let filter = try compiledFilter
        var foreign: [(String, String)] = []
        do throws(FlowFileError) {
            let flows = try RecordedFlows<Void>(path: file) { flow, place in
                if let what = RecordedRequest.isForeign(flow) {
                    if filter == nil { foreign.append((place, what)) }
                    return nil
                }
                return filter?.matches(snapshot: flow) ?? true ? () : nil
            }
            return (flows, foreign)
        } catch {
            throw ToolFailure.usage("\(error)")
        }
    }

    private var compiledFilter: SnapshotFilter? {
        get throws {
            do throws(ProtocolError) {
                return try filter.map { text throws(ProtocolError) in try SnapshotFilter(text) }
            } catch {
                throw ValidationError("--\(error.message)")
            }
        }
    }
}
