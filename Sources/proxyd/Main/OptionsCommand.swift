import AddonProtocol
import ArgumentParser
import ProxyCore
import ProxyTools

struct OptionsCommand: ParsableCommand, Sendable {
    static let configuration = CommandConfiguration(
        commandName: "options",
        abstract:
            "List every option with its type, default and help; show and set the options of a running daemon.",
        discussion: """
            When a daemon is running, the list includes the options of its addons, and each option that is not at its default shows its \
            current value. Write a list (str[], int[]) with commas, or as JSON where an element contains one: '["a,b"]'. Nothing after \
            the = means null for an option that may be null (str?, int?, size?), and the empty list for a list. A size may end in k, m or g. (For \
            proxyd run, --set adds one element to a list, and may be repeated.) SIGHUP and an addon's options.set also change options, except \
            those that are read only at start.

            EXAMPLES
              proxyd options stream_large_bodies=1m
              proxyd options 'ignore_hosts=^a\\.example,^b\\.example'
              proxyd options ignore_hosts=
            """
    )

    @Argument(help: ArgumentHelp("The option to show, or the option to set and its value.", valueName: "name[=value]"))
    var option: String?

    @OptionGroup var tool: ToolOptions

    func run() throws {
        let sign = option?.firstIndex(of: "=")
        let name = option.map { String($0[..<(sign ?? $0.endIndex)]) }
        let value = sign.flatMap { sign in option.map { String($0[$0.index(after: sign)...]) } }
        ToolProcess.run {
            if let name, let value { return try await set(name, to: value) }
            // Without --socket, a daemon is optional.
            let running = try await RunningOptions(tool, isRequired: false)
            do throws(OptionError) {
                if tool.json { try printJSON(name, running) } else { Output.lines(try entries(name, running)) }
            } catch {
                throw ToolFailure.usage("\(error)")
            }
        }
    }

    private func set(_ name: String, to text: String) async throws {
        guard let running = try await RunningOptions(tool, isRequired: true) else { return }
        let updated = try await running.set(name, to: text)
        if tool.json { return Output.line(JSONText.line(["updated": .array(updated.map { .string($0) })])) }
        Output.line(updated.isEmpty ? "\(name) has that value already" : "changed: \(updated.joined(separator: " "))")
    }

    /// The manual entries of one option, or of all of them; the options that addons declared come last.
    private func entries(_ name: String?, _ running: RunningOptions?) throws(OptionError) -> [String] {
        let catalogue = OptionCatalogue.builtIn
        let declared = (running?.declaredOnly(catalogue.names) ?? [])
            .filter { name == nil || $0["name"]?.stringValue == name }
        if name != nil, !declared.isEmpty { return declared.flatMap(RunningOptions.manualEntry) }
        let chosen = if let name { [try catalogue.definition(named: name)] } else { catalogue.definitions }
        return chosen.map { $0.manualEntry(now: running?.value(of: $0.name)) }
            + declared.flatMap(RunningOptions.manualEntry)
    }

    /// Prints the elements of the daemon's `options.list`; without a daemon, the same members from the catalogue.
    private func printJSON(_ name: String?, _ running: RunningOptions?) throws(OptionError) {
        let definitions = OptionCatalogue.builtIn.definitions.map(\.json)
        let all = running?.options ?? definitions
        let chosen = all.filter { name == nil || $0["name"]?.stringValue == name }
        if let name, chosen.isEmpty { _ = try OptionCatalogue.builtIn.definition(named: name) }
        for option in chosen { Output.line(JSONText.line(option)) }
    }
}

extension OptionCatalogue {
    fileprivate var names: Set<String> { Set(definitions.map(\.name)) }
}

extension OptionDefinition {
    fileprivate func manualEntry(now value: JSONValue?) -> String {
        let onlyAtStart = appliesAt == .start ? ", only at start" : ""
        let now = value.flatMap { $0 == defaultValue ? nil : "\n    Now \(JSONText.line($0))." } ?? ""
        let choices = choices.map { "\n    One of \($0.joined(separator: ", "))." } ?? ""
        return
            "\(name) (\(type.rawValue), default \(type.text(of: defaultValue))\(onlyAtStart))\(now)\n    \(help)\(choices)\n"
    }

    fileprivate var json: JSONValue {
        [
            "name": .string(name), "type": .string(type.rawValue), "default": defaultValue, "help": .string(help),
            "choices": choices.map { .array($0.map { .string($0) }) } ?? .null,
        ]
    }
}
