import AddonProtocol
import AddonSDK
import ArgumentParser

struct KillCommand: Tool {
    static let configuration = CommandConfiguration(
        commandName: "kill",
        abstract: "Close both sides of flows at once, whatever their state; refuse held connections.",
        discussion: """
            Exit code 1: one of them had already ended.

            EXAMPLES
              proxyd kill f6ghey03
            """
    )

    @Argument(help: "Ids of flows, or of held connections.")
    var flows: [String]

    @OptionGroup var tool: ToolOptions

    func work() async throws {
        let daemon = try await connect()
        try await FlowAction(call: .flowKill, done: "killed").apply(to: flows, daemon, json: tool.json)
    }
}
