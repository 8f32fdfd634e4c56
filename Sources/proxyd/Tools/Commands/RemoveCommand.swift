import AddonProtocol
import AddonSDK
import ArgumentParser

struct RemoveCommand: Tool {
    static let configuration = CommandConfiguration(
        commandName: "remove",
        abstract: "Stop an addon, and remove it from the chain.",
        discussion: """
            EXAMPLES
              proxyd remove add-header
            """
    )

    @Argument(help: "The addon's name, or the name of one of its processes, such as add-header#2.")
    var name: String

    @OptionGroup var tool: ToolOptions

    func work() async throws {
        show(try await connect().call(.addonRemove, ["name": .string(name)])) { _ in
            ["\(escapedForTerminal(name)) is removed"]
        }
    }
}
