import AddonProtocol
import AddonSDK
import ArgumentParser

struct AddCommand: Tool {
    static let configuration = CommandConfiguration(
        commandName: "add",
        abstract: "Start an addon, and keep it running.",
        discussion: """
            EXAMPLES
              proxyd add add-header 'python3 add_header.py' --processes 2
            """
    )

    @Argument(help: "The addon's name.")
    var name: String

    @Argument(help: "The command, which /bin/sh runs in the daemon's folder.")
    var command: String

    @Option(
        parsing: .unconditional,
        help: ArgumentHelp("How many processes share the traffic.", valueName: "n")
    )
    var processes = 1

    @OptionGroup var tool: ToolOptions

    func work() async throws {
        let params: JSONValue = [
            "name": .string(name), "command": .string(command), "processes": .integer(processes),
        ]
        show(try await connect().call(.addonAdd, params)) { _ in
            ["\(escapedForTerminal(name)) starts; proxyd addons says when it is ready"]
        }
    }
}
