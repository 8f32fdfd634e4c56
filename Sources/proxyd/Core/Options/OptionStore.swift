package import AddonProtocol

/// The current options, shared by all threads. Each value is a whole snapshot, so changes are seen together.
package final class OptionStore: Sendable {
    private let published: Published<Options>

    /// Creates a store with these options.
    package init(_ options: Options) {
        published = Published(options)
    }

    /// The current options.
    package var current: Options { published.current }

    /// The current options as a loop's own copy.
    func snapshot(_ copy: inout Published<Options>.Copy<OptionSnapshot>) -> OptionSnapshot {
        published.read(&copy, make: OptionSnapshot.init)
    }

    /// Makes all the changes or none. Returns the names of the options that changed, and the former options, which
    /// `restore` needs when an addon vetoes.
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

    /// Restores the former values of the named options; other changes in the meantime stay.
    package func restore(_ names: [String], from former: Options) {
        published.change { options in
            for definition in names.compactMap({ OptionCatalogue.builtIn[$0] }) {
                _ = definition.write(definition.read(former), &options)
            }
        }
    }
}

/// An immutable snapshot of the options. Passing it on costs one reference count, not one for each list and text in it.
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
