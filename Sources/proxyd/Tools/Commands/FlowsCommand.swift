import AddonProtocol
import AddonSDK
import ArgumentParser

struct FlowsCommand: Tool {
    static let configuration = CommandConfiguration(
        commandName: "flows",
        abstract: "List flows, one a line, and with --follow those that end from now on.",
        discussion: """
            FILTER is a flow filter as mitmproxy writes them: ~d HOST, ~m METHOD, ~c STATUS, ~u REGEX, ~e (failed), joined by \
            & | ! and parentheses. MARKS say what is held, changed, answered by an addon, replayed. Exit code 1: there is none.

            Example: proxyd flows '~d example.com & ~c 404' --follow
            """
    )

    @Argument(help: "Only flows that match.")
    var filter: String?

    @Flag(name: .shortAndLong, help: "Go on with flows as they end or are held, until Ctrl-C.")
    var follow = false

    @Option(name: .shortAndLong, help: ArgumentHelp("How many of the newest to list (20).", valueName: "n"))
    var limit: Int = 20

    @OptionGroup var tool: ToolOptions

    var isWatching: Bool { follow }

    func validate() throws {
        guard limit >= 0 else { throw ValidationError("--limit takes a number of flows, 0 or more") }
    }

    func work() async throws {
        let printer = FlowPrinter(json: tool.json)
        let daemon = try await connect(follow ? FlowWatch.subscriptions(filter) : []) { call in
            printer.receive(call)
            return nil
        }
        var params: [JSONValue.Member] = [.init("limit", .integer(limit))]
        if let filter { params.append(.init("filter", .string(filter))) }
        let newestFirst = try await daemon.call("flow.list", .object(params))["flows"]?.arrayValue ?? []
        let known = Array(newestFirst.reversed())
        printer.begin(with: known)
        if follow {
            await daemon.waitUntilClosed()
            throw DaemonError.connectionLost
        }
        if known.isEmpty {
            throw ToolFailure.nothing(filter.map { "no flow matches \($0)" } ?? "there are no flows yet")
        }
    }
}
