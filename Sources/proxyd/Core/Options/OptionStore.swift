package import AddonProtocol

/// The newest options, shared by all threads. Each value is a whole snapshot: changes are seen together.
package final class OptionStore: Sendable {
    private let published: Published<Options>

    package init(_ options: Options) {
        published = Published(options)
    }

    package var current: Options { published.current }

    /// The newest options, for one loop.
    func snapshot(_ copy: inout Published<Options>.Copy<OptionSnapshot>) -> OptionSnapshot {
        published.read(&copy, make: OptionSnapshot.init)
    }

    /// Makes the changes, all or none, and returns the names of those that differ now and the former options,
    /// from which `restore` takes them when an addon vetoes.
    package func apply(
        _ changes: [String: JSONValue]
    ) throws(OptionError) -> (updated: [String], former: Options) {
        try published.change { options throws(OptionError) in
            let former = options
            let result = try options.applying(changes)
            options = result.options
            return (result.updated, former)
        }
    }

    /// Gives the named options their former values; changes of others in the meantime stay.
    package func restore(_ names: [String], from former: Options) {
        published.change { options in
            for definition in names.compactMap({ OptionCatalogue.builtIn[$0] }) {
                _ = definition.write(definition.read(former), &options)
            }
        }
    }
}

/// Options that do not change any more. To hand them on costs one reference, not one for each of their lists and texts.
@dynamicMemberLookup
final class OptionSnapshot: Sendable {
    let values: Options
    let flowLimits: FlowLimits
    let asksLogin: Bool
    let setupHost: String?

    init(_ options: Options) {
        values = options
        flowLimits = FlowLimits(options)
        asksLogin = options.proxyauth != nil
        setupHost = options.setupHost
    }

    subscript<Value>(dynamicMember path: KeyPath<Options, Value>) -> Value { values[keyPath: path] }
}
