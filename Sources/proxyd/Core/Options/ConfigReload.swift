package import AddonProtocol

/// What a reloaded config changes in a running daemon: only what differs from the config read before it, so that
/// changes made by addons in the meantime stay.
package struct ConfigReload: Equatable {
    /// Options that change now, with their new values.
    package var changes: [String: JSONValue] = [:]
    /// The names of options that change at the next start.
    package var atNextStart: [String] = []
    /// New values for options that addons declare; nil for those that are no longer set.
    package var deferred: [String: DeferredOption?] = [:]

    /// Compares the config read before with the one just read.
    package init(from former: Options, to new: Options, catalogue: OptionCatalogue = .builtIn) {
        for definition in catalogue.definitions {
            let value = definition.read(new)
            guard value != definition.read(former) else { continue }
            switch definition.appliesAt {
            case .live: changes[definition.name] = value
            case .start: atNextStart.append(definition.name)
            }
        }
        let (before, after) = (former.deferredByName, new.deferredByName)
        for name in Set(before.keys).union(after.keys) where before[name]?.value != after[name]?.value {
            deferred.updateValue(after[name], forKey: name)
        }
    }
}

extension Options {
    fileprivate var deferredByName: [String: DeferredOption] {
        Dictionary(deferred.map { ($0.name, $0) }, uniquingKeysWith: { $1 })
    }
}
