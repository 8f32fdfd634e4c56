import ArgumentParser
import ProxyCore

struct OptionsCommand: ParsableCommand {
    static let configuration = CommandConfiguration(
        commandName: "options",
        abstract: "List every option with its type, its default and what it does."
    )

    func run() {
        for definition in OptionCatalogue.builtIn.definitions { print(definition.manualEntry) }
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
