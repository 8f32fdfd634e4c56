import AddonProtocol
import AddonSDK
import ArgumentParser

struct FlowsCommand: Tool {
    static let configuration = CommandConfiguration(
        commandName: "flows",
        abstract: "List flows, one a line; with --follow, also those that end from now on.",
        discussion: """
            FILTER is a flow filter in mitmproxy's syntax: ~d HOST, ~m METHOD, ~c STATUS, ~u REGEX, ~e (failed), joined by \
            & | ! and parentheses. MARKS say whether a flow is held, changed, answered by an addon, or replayed. Exit code 1: no flow matches.

            EXAMPLES
              proxyd flows '~d example.com & ~c 404' --follow
            """
    )

    @Argument(help: "Only flows that match.")
    var filter: String?

    @Flag(name: .shortAndLong, help: "Continue with flows as they end or are held, until Ctrl-C.")
    var follow = false

    @Option(
        name: .shortAndLong,
        parsing: .unconditional,
        help: ArgumentHelp("How many of the newest flows to list; 0 with --follow: none.", valueName: "n")
    )
    var limit: Int = 20

    @OptionGroup var tool: ToolOptions

    var isWatching: Bool { follow }

    func validate() throws {
        let least = follow ? 0 : 1
        guard limit >= least else {
            throw ValidationError("--limit \(limit): allowed is a number of flows, \(least) or more")
        }
    }

    func work() async throws {
        if follow { return try await followFlows() }
        let daemon = try await connect()
        var params: [JSONValue.Member] = [.init("limit", .integer(limit))]
        if let filter { params.append(.init("filter", .string(filter))) }
        let answer = try await daemon.call(.flowList, .object(params))
        FlowPrinter(json: tool.json, isGrowing: false).begin(with: answer)
        guard answer["flows"]?.arrayValue?.isEmpty == false else {
            throw ToolFailure.nothing(filter.map { "no flow matches \($0)" } ?? "there are no flows yet")
        }
    }

    private func followFlows() async throws {
        let (printer, watch) = (
            FlowPrinter(json: tool.json, isGrowing: true), FlowWatch(filter: filter, limit: limit)
        )
        let daemon = try await connect { call in
            printer.receive(call)
            return nil
        }
        printer.begin(with: try await watch.begin(daemon))
        Task {
            await daemon.waitUntilClosed()
            printer.end()
        }
        for await seq in printer.lost { printer.recover(try await watch.recover(after: seq, daemon)) }
        throw DaemonError.connectionLost
    }
}
