import AddonProtocol

/// Hides secret options, commands and keys from taps.
extension JSONValue {
    /// Replaces the values of these options by `***`: in `configure` and `options.set`, and in the results of
    /// `initialize` and `options.get`.
    func hidingOptions(_ names: Set<String>) -> JSONValue {
        changingOptions { names.contains($0.name) && !$0.value.isNull ? OptionDefinition.hidden : $0.value }
    }

    /// The frame with each member of `options` changed.
    fileprivate func changingOptions(_ change: (Member) -> JSONValue) -> JSONValue {
        guard let members else { return self }
        return .object(
            members.map { member in
                switch (member.name, member.value) {
                case ("params", .object), ("result", .object): .init(member.name, member.value.changingOptions(change))
                case ("options", .object(let options)):
                    .init("options", .object(options.map { .init($0.name, change($0)) }))
                case ("options", .array(let entries)):
                    .init("options", .array(entries.map { $0.changingValue(change) }))
                default: member
                }
            }
        )
    }

    /// Changes an entry of `options.list`.
    private func changingValue(_ change: (Member) -> JSONValue) -> JSONValue {
        guard let members, let name = self["name"]?.stringValue else { return self }
        return .object(members.map { $0.name == "value" ? .init("value", change(.init(name, $0.value))) : $0 })
    }
}

extension TappedFrame {
    /// The frame without the commands and environments of addons.
    var withoutCommands: TappedFrame {
        var frame = self
        frame.message = message.changingOptions { $0.name == "addons" ? AddonSpec.withoutCommands($0.value) : $0.value }
        guard message["method"]?.stringValue == Call.addonAdd.rawValue, let params = message["params"]?.members
        else { return frame }
        let hidden = params.map { $0.name == "command" ? JSONValue.Member("command", OptionDefinition.hidden) : $0 }
        frame.message = .object(
            (frame.message.members ?? []).map { $0.name == "params" ? .init("params", .object(hidden)) : $0 }
        )
        return frame
    }
}

extension JSONValue {
    /// The events at which an addon may supply a private key.
    private static let eventsWithKeys: Set<Event> = [.serverconnect, .tlsClienthello]

    /// Replaces by `***` the keys that an addon may have supplied, and their certificates. Also applies to replies that
    /// cannot be attributed to another event.
    func withoutKeys(in frame: TappedFrame) -> JSONValue {
        guard frame.sender == .addon, frame.event.map(Self.eventsWithKeys.contains) ?? true else { return self }
        guard let members, let result = self["result"] else { return self["method"] == nil ? withoutKeys : self }
        return .object(members.map { $0.name == "result" ? .init($0.name, result.withoutKeys) : $0 })
    }
}
