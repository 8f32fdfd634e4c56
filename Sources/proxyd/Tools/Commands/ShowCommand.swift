import AddonProtocol
import AddonSDK
import ArgumentParser

struct ShowCommand: Tool {
    static let configuration = CommandConfiguration(
        commandName: "show",
        abstract: "Show a flow: its heads, bodies, times, and which addon changed what.",
        discussion: """
            The daemon keeps bodies only while an addon asks for them. If none does, run `proxyd record --flows FILE` beside the traffic. \
            Of a body that streams, the first MiB is kept (option copy_limit).

            EXAMPLES
              proxyd show f6ghey03 --bodies
            """
    )

    @Argument(help: "The flow's id, as proxyd flows lists it.")
    var flow: String

    @Flag(help: "Show bodies too: JSON and forms formatted, text as it is, everything else in hexadecimal.")
    var bodies = false

    @Flag(help: "Print heads and bodies byte for byte (on a terminal, control characters are escaped).")
    var raw = false

    @Flag(help: "Print a curl command that sends the request again.")
    var curl = false

    @OptionGroup var tool: ToolOptions

    func validate() throws {
        guard [raw, curl, tool.json].count(where: { $0 }) < 2 else {
            throw ValidationError("--raw, --curl and --json exclude one another")
        }
    }

    func work() async throws {
        let daemon = try await connect()
        let found = try await FlowArgument.found(flow, by: daemon)
        let snapshot = found["flow"] ?? .null
        if curl { return try await printCurl(snapshot, daemon) }
        if raw { return try await printRaw(snapshot, daemon) }
        let blame = try await daemon.call(.flowBlame, ["id": .string(flow)])
        if tool.json { return Output.line(JSONText.line(.object((found.members ?? []) + (blame.members ?? [])))) }
        var page = FlowPage(snapshot, Terminal.standard)
        page.addSummary(held: found["held"] ?? .null)
        for part in ["request", "response"] where page.http[part]?.isNull == false {
            page.addHead(part)
            guard bodies else {
                page.addBodySize(part)
                continue
            }
            page.add(try await FlowArgument.body(.string(part), of: page.httpID, decoded: true, daemon), of: part)
        }
        page.addMessages(try await messages(snapshot, daemon))
        page.addTimes()
        page.add(blame: blame)
        Output.lines(page.lines)
    }

    /// The last messages of a WebSocket or TCP flow, as far as the daemon keeps them.
    private func messages(_ snapshot: JSONValue, _ daemon: Daemon) async throws -> [JSONValue] {
        guard snapshot["messages"] != nil else { return [] }
        return try await daemon.call(.flowMessages, ["id": .string(flow)])["messages"]?.arrayValue ?? []
    }

    private func printCurl(_ snapshot: JSONValue, _ daemon: Daemon) async throws {
        let page = FlowPage(snapshot, .plain)
        let request = page.http["request"] ?? .null
        guard CurlText.command(request, body: []) != nil else {
            throw ToolFailure.usage("\(flow) has no request that curl could send (\(FlowRow(flow: snapshot).method))")
        }
        let body = try await FlowArgument.body("request", of: page.httpID, decoded: false, daemon)
        guard body.isComplete else { throw ToolFailure.nothing("the body of the request is not in memory") }
        Output.line(CurlText.command(request, body: body.bytes) ?? "")
    }

    private func printRaw(_ snapshot: JSONValue, _ daemon: Daemon) async throws {
        let page = FlowPage(snapshot, .plain)
        guard page.http["request"] != nil else {
            throw ToolFailure.usage(
                "\(flow) is a \(snapshot.text("type")) flow, which has no heads to print with --raw"
            )
        }
        var bytes: [UInt8] = []
        for part in ["request", "response"] where page.http[part]?.isNull == false {
            bytes += page.rawHead(part)
            let body = try await FlowArgument.body(.string(part), of: page.httpID, decoded: false, daemon)
            bytes += body.bytes
            if !body.isComplete || body.bytes.count < body.size {
                let kept = "\(body.bytes.count) of \(body.size) bytes were kept"
                Notice.write("the body of the \(part) is incomplete: \(kept)")
            }
            if part == "request" { bytes += Array("\r\n".utf8) }
        }
        guard Terminal.standard.isTerminal else { return Output.write(bytes) }
        let text = String(validating: bytes, as: UTF8.self)
        Output.lines(text.map(BodyText.lines(of:)) ?? bytes.split(separator: 10).map { escapedForTerminal($0) })
    }
}
