import AddonProtocol
import AddonSDK
import ArgumentParser

struct ReplayCommand: Tool {
    static let configuration = CommandConfiguration(
        commandName: "replay",
        abstract: "Send a flow's request again, optionally changed, and print the new flow's id.",
        discussion: """
            --set accepts request.method, url, scheme, host, port, path, content, and headers.NAME. null removes a header field, and \
            a JSON list sets it several times. A body is always taken literally, so nothing after the = empties it.

            EXAMPLES
              proxyd replay f6ghey03 --set request.path=/x --set request.headers.cookie=null
            """
    )

    @Argument(help: "The flow's id, as proxyd flows lists it.")
    var flow: String

    @Option(help: ArgumentHelp("Change the request; may be repeated.", valueName: "path=value"))
    var set: [String] = []

    @OptionGroup var tool: ToolOptions

    func validate() throws { _ = try patch }

    func work() async throws {
        let daemon = try await connect()
        let answer = try await FlowArgument.known(flow) {
            try await daemon.call(.flowReplay, ["id": .string(flow), "patch": patch])
        }
        show(answer) { [escapedForTerminal($0.text("id"))] }
    }

    private var patch: JSONValue {
        get throws {
            try set.reduce([:]) { patch, assignment in
                guard let sign = assignment.firstIndex(of: "="), sign > assignment.startIndex else {
                    throw ValidationError("--set \(assignment): what is set looks like request.path=/x")
                }
                let path = assignment[..<sign].split(separator: ".", omittingEmptySubsequences: false)
                let text = String(assignment[assignment.index(after: sign)...])
                return MergeDifference.setting(path[...], to: Self.value(text, at: path), in: patch)
            }
        }
    }

    /// Text stays text where the flow has only text: a path `/x`, a body `1`, a header field `1`.
    private static func value(_ text: String, at path: [Substring]) -> JSONValue {
        let isNumber = ["port", "status_code"].contains(path.last ?? "")
        let isStructure = text.hasPrefix("{") || text.hasPrefix("[")
        guard isNumber || isStructure || ["null", "true", "false"].contains(text), path.last != "content" else {
            return .string(text)
        }
        return (try? JSONReader.read(Array(text.utf8))) ?? .string(text)
    }
}
