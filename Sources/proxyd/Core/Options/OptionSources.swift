import AddonProtocol

/// What was set before the start, weakest first: defaults, config file, command line.
package struct OptionSources: Sendable {
    /// Values for options that are set nowhere else.
    package var defaults: [(option: String, value: String)] = []
    /// `--config FILE`; nil means `config.yaml` in the confdir, if there is one.
    package var configFile: String?
    /// Flags of their own, such as `--listen`, with the option that each sets; a list collects every use of its flag.
    package var flags: [(option: String, flag: String, value: String)] = []
    /// `NAME=VALUE` of each `--set`.
    package var set: [String] = []
    /// `NAME=COMMAND` of each `--addon`.
    package var addons: [String] = []

    /// Creates sources that set nothing.
    package init() {}

    /// Combines the sources into options; throws at the first value that is refused.
    package func load(catalogue: OptionCatalogue = .builtIn) throws(OptionError) -> Options {
        let fromCommandLine = try commandLineAssignments()
        var options = Options()
        let weakest = defaults.map { Assignment(name: $0.option, value: .texts([$0.value]), origin: "default") }
        for assignment in try weakest + configAssignments(confdirFrom: fromCommandLine, catalogue) + fromCommandLine {
            try assignment.apply(to: &options, catalogue)
        }
        try addAddons(to: &options)
        try options.checkTogether()
        try checkDeferred(options)
        return options
    }

    /// Accepts unknown options only when there are addons that may declare them; otherwise they are mistakes.
    private func checkDeferred(_ options: Options) throws(OptionError) {
        guard options.addons.isEmpty, options.replayFrom.isEmpty, let unknown = options.deferred.first
        else { return }
        throw OptionError(option: unknown.name, reason: .unknown(nearest: []), origin: unknown.origin)
    }
}

/// A value given to one option in one place.
private struct Assignment {
    var name: String
    var value: DeferredOption.Value
    var origin: String

    /// Sets the option, or keeps the value for an addon to declare.
    func apply(to options: inout Options, _ catalogue: OptionCatalogue) throws(OptionError) {
        do throws(OptionError) {
            guard let definition = catalogue[name] else { return try postpone(in: &options, catalogue) }
            switch value {
            case .json(let value): try options.set(definition, to: definition.type.json(fromYAML: value))
            case .texts(let texts): try options.set(definition, to: definition.type.json(fromTexts: texts))
            }
        } catch {
            throw error.at(origin)
        }
    }

    /// Keeps the value for an addon to declare, unless the name looks like a typo.
    private func postpone(in options: inout Options, _ catalogue: OptionCatalogue) throws(OptionError) {
        let nearest = catalogue.nearestNames(to: name)
        guard nearest.isEmpty, DeclaredOption.isName(name), options.deferred.count < Limits.deferredOptions else {
            throw OptionError(option: name, reason: .unknown(nearest: nearest))
        }
        options.deferred.removeAll { $0.name == name }
        options.deferred.append(DeferredOption(name: name, value: value, origin: origin))
    }
}

extension OptionSources {
    /// Reads the config file, by default from the confdir, which the command line may set.
    private func configAssignments(
        confdirFrom assignments: [Assignment],
        _ catalogue: OptionCatalogue
    ) throws(OptionError) -> [Assignment] {
        let file: ConfigFile
        if let configFile {
            file = try ConfigFile.read(UserPath(configFile).path)
        } else {
            var options = Options()
            for assignment in assignments where assignment.name == "confdir" {
                try assignment.apply(to: &options, catalogue)
            }
            file = try ConfigFile.readIfPresent(options.confdir.path + "/config.yaml")
        }
        return file.entries.map { Assignment(name: $0.name, value: .json($0.value), origin: $0.origin) }
    }

    /// Reads flags and `--set`, and collects the texts of the same name, since a list takes them all.
    private func commandLineAssignments() throws(OptionError) -> [Assignment] {
        var texts: [(name: String, texts: [String], origin: String)] = []
        func add(_ name: String, _ text: String, _ origin: String) {
            if let index = texts.firstIndex(where: { $0.name == name && $0.origin == origin }) {
                texts[index].texts.append(text)
            } else {
                texts.append((name, [text], origin))
            }
        }
        for flag in flags { add(flag.option, flag.value, flag.flag) }
        for argument in set {
            let (name, text) = try Self.split(argument)
            add(name, text, "--set")
        }
        return texts.map { Assignment(name: $0.name, value: .texts($0.texts), origin: $0.origin) }
    }

    private static func split(_ argument: String) throws(OptionError) -> (name: String, text: String) {
        guard let equals = argument.firstIndex(of: "="), equals != argument.startIndex else {
            let found = JSONValue.string(argument).shortText
            throw OptionError(reason: .other("\(found) is not allowed; allowed is NAME=VALUE"), origin: "--set")
        }
        return (String(argument[..<equals]), String(argument[argument.index(after: equals)...]))
    }

    /// Adds the addons of the command line, which replace those of the same name in the config file.
    private func addAddons(to options: inout Options) throws(OptionError) {
        for text in addons {
            guard let spec = AddonSpec(parsing: text) else {
                let found = JSONValue.string(text).shortText
                let allowed = """
                    NAME=COMMAND or NAME*PROCESSES=COMMAND, with a NAME of at most 64 letters, digits, '.', '_' or '-' \
                    and 1 to \(AddonSpec.processLimit) PROCESSES
                    """
                throw OptionError(reason: .other("\(found) is not allowed; allowed is \(allowed)"), origin: "--addon")
            }
            options.addons.removeAll { $0.name == spec.name }
            options.addons.append(spec)
        }
    }
}
