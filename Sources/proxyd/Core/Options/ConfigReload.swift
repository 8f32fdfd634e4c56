package import AddonProtocol

/// What a config that is read again asks of a running daemon: only what differs from the config read before it, so that
/// what addons have changed in the meantime stays.
package struct ConfigReload: Equatable {
    /// Options that change now, with their new values.
    package var changes: [String: JSONValue] = [:]
    /// The names of those that change when the daemon starts next.
    package var atNextStart: [String] = []
    /// Options of addons that are set to another value; nil: they are set no more.
    package var deferred: [String: DeferredOption?] = [:]

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
