package import AddonProtocol

extension Options {
    /// Returns a copy with the changes of a running daemon's user or addon: all of them, or an error.
    ///
    /// - Returns: the new options, and the names of those whose value differs now, in catalogue order.
    package func applying(
        _ changes: [String: JSONValue],
        catalogue: OptionCatalogue = .builtIn
    ) throws(OptionError) -> (options: Options, updated: [String]) {
        var options = self
        for (name, value) in changes.sorted(by: { $0.key < $1.key }) {
            let definition = try catalogue.definition(named: name)
            guard definition.appliesAt == .live else { throw OptionError(option: name, reason: .onlyAtStart) }
            try options.set(definition, to: value)
        }
        try options.checkTogether()
        let updated = catalogue.definitions.filter { $0.read(self) != $0.read(options) }.map(\.name)
        return (options, updated)
    }

    /// Sets one option.
    mutating func set(_ definition: OptionDefinition, to value: JSONValue) throws(OptionError) {
        guard definition.write(value, &self) else {
            throw OptionError(option: definition.name, reason: definition.refusal(of: value))
        }
    }

    /// Checks the rules that involve more than one option.
    func checkTogether() throws(OptionError) {
        guard timeoutMs <= maxTimeoutMs else {
            let text = "\(timeoutMs) is more than max_timeout_ms, which is \(maxTimeoutMs)"
            throw OptionError(option: "timeout_ms", reason: .other(text))
        }
        try checkModes()
        try checkBundledAddons()
        try checkNoTimeouts()
    }

    private func checkNoTimeouts() throws(OptionError) {
        guard !allowNoTimeout, let addon = addons.first(where: \.hasNoTimeout) else { return }
        let text = "addon \"\(addon.name)\": timeout_ms null needs the option allow_no_timeout"
        throw OptionError(option: "addons", reason: .other(text))
    }

    private func checkBundledAddons() throws(OptionError) {
        for (name, option) in bundledAddons where addons.contains(where: { $0.name == name }) {
            let text = "the addon that it starts is called \(name), like an entry of addons"
            throw OptionError(option: option, reason: .other(text))
        }
        if web, let mode = mode.first(where: { $0.address(default: listen).collides(with: webListen) }) {
            let text = "\(webListen) is also where \(mode.text) listens; give one of them another port"
            throw OptionError(option: "web_listen", reason: .other(text))
        }
    }

    private func checkModes() throws(OptionError) {
        if mode.isEmpty { throw OptionError(option: "mode", reason: .other("there must be at least one")) }
        for (index, one) in mode.enumerated() where mode[..<index].contains(one) {
            throw OptionError(option: "mode", reason: .other("\(one.text) is listed twice"))
        }
        if let (one, other, address) = mode.clash(default: listen) {
            let text = "\(one.text) and \(other.text) both listen on \(address); add @[HOST:]PORT to one of them"
            throw OptionError(option: "mode", reason: .other(text))
        }
        if proxyauth != nil, let mode = mode.first(where: { !$0.kind.canLogIn }) {
            let text = "clients of \(mode.text) do not know about the proxy, so they cannot log in to it"
            throw OptionError(option: "proxyauth", reason: .other(text))
        }
    }
}
