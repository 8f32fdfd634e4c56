import AddonProtocol
import AddonSDK
import ArgumentParser

struct ReloadCommand: Tool {
    static let configuration = CommandConfiguration(
        commandName: "reload",
        abstract: "Stop an addon that the daemon started, and start it again.",
        discussion: """
            EXAMPLES
              proxyd reload add-header
            """
    )

    @Argument(help: "The addon's name, or the name of one of its processes, such as add-header#2.")
    var name: String

    @OptionGroup var tool: ToolOptions

    func work() async throws {
        show(try await connect().call(.addonReload, ["name": .string(name)])) { _ in
            ["\(escapedForTerminal(name)) starts again"]
        }
    }
}
