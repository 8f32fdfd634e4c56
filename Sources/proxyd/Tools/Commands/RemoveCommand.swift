import AddonProtocol
import AddonSDK
import ArgumentParser

struct RemoveCommand: Tool {
    static let configuration = CommandConfiguration(
        commandName: "remove",
        abstract: "Tell an addon to end, and take it out of the chain.",
        discussion: """
            EXAMPLES
              proxyd remove add-header
            """
    )

    @Argument(help: "The addon's name, or that of one process, such as add-header#2.")
    var name: String

    @OptionGroup var tool: ToolOptions

    func work() async throws {
        show(try await connect().call(.addonRemove, ["name": .string(name)])) { _ in
            ["\(escapedForTerminal(name)) is removed"]
        }
    }
}
