import AddonProtocol
import AddonSDK
import ArgumentParser

struct ResumeCommand: Tool {
    static let configuration = CommandConfiguration(
        commandName: "resume",
        abstract: "Resume held flows and connections: those named, or all.",
        discussion: """
            Exit code 1: one of them was not held.

            EXAMPLES
              proxyd resume f6ghey03
            """
    )

    @Argument(help: "Ids of flows or connections; without any, everything that is held.")
    var flows: [String] = []

    @OptionGroup var tool: ToolOptions

    func work() async throws {
        let daemon = try await connect()
        var ids = flows
        if ids.isEmpty {
            ids = (try await daemon.call(.holdList)["holds"]?.arrayValue ?? []).map { $0.text("id") }
        }
        if ids.isEmpty { throw ToolFailure.nothing("nothing is held") }
        try await FlowAction(call: .flowResume, done: "is resumed").apply(to: ids, daemon, json: tool.json)
    }
}
