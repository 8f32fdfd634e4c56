import ArgumentParser
import ProxyCore

struct OptionsCommand: ParsableCommand {
    static let configuration = CommandConfiguration(
        commandName: "options",
        abstract: "List every option with its type, its default and what it does.",
        discussion: """
            Options change while the daemon runs, by SIGHUP and by an addon's options.set, but for those that are read only at \
            start.
            """
    )

    @Argument(help: ArgumentHelp("Only this option.", valueName: "name"))
    var name: String?

    func run() throws {
        let catalogue = OptionCatalogue.builtIn
        let chosen = try name.map { [try catalogue.definition(named: $0)] } ?? catalogue.definitions
        for definition in chosen { print(definition.manualEntry) }
    }
}

extension OptionDefinition {
    fileprivate var manualEntry: String {
        let onlyAtStart = appliesAt == .start ? ", only at start" : ""
        let choices = choices.map { "\n    One of \($0.joined(separator: ", "))." } ?? ""
        return
            "\(name) (\(type.rawValue), default \(type.text(of: defaultValue))\(onlyAtStart))\n    \(help)\(choices)\n"
    }
}
