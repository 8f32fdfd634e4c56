import AddonProtocol
import ArgumentParser

struct InitCommand: ParsableCommand {
    static let configuration = CommandConfiguration(
        commandName: "init",
        abstract: "Write a small addon with its test, ready to run, into a new folder.",
        discussion: """
            The addon adds a header to each request. Existing files are never overwritten. In Python, JavaScript, TypeScript and Swift it uses the \
            SDK in proxyd's sources, which --sources names when proxyd is not installed in them; in other languages it needs none.

            EXAMPLES
              proxyd init my-addon
              proxyd init my-addon --language node
            """
    )

    @Argument(help: "Name of the addon and its folder: letters, digits, - and _, beginning with a letter.")
    var name: String

    @Option(
        help: ArgumentHelp(
            "\(NewAddon.languages.joined(separator: ", ")).",
            valueName: "language"
        ),
        completion: .list(NewAddon.languages)
    )
    var language = "python"

    @Option(help: ArgumentHelp("Folder of proxyd's sources.", valueName: "dir"), completion: .directory)
    var sources: String?

    func run() throws {
        ToolProcess.run {
            let program = Program.current
            let addon = try NewAddon(name, in: language, sources: try sources.map(Program.sources) ?? program.sources)
            try NewFolder.write(addon.files, as: name)
            Output.lines(addon.advice(calling: program.command))
        }
    }
}
