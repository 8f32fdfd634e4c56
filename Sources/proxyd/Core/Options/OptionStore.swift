package import AddonProtocol
import Synchronization

/// The newest options, shared by all threads. Each value is a whole snapshot: changes are seen together.
package final class OptionStore: Sendable {
    private let state: Mutex<Options>

    package init(_ options: Options) {
        state = Mutex(options)
    }

    package var current: Options { state.withLock { $0 } }

    /// Makes the changes, all or none, and returns the names of those that differ now and the former options,
    /// from which `restore` takes them when an addon vetoes.
    package func apply(
        _ changes: [String: JSONValue]
    ) throws(OptionError) -> (updated: [String], former: Options) {
        try state.withLock { options throws(OptionError) in
            let former = options
            let result = try options.applying(changes)
            options = result.options
            return (result.updated, former)
        }
    }

    /// Gives the named options their former values; changes of others in the meantime stay.
    package func restore(_ names: [String], from former: Options) {
        state.withLock { options in
            for definition in names.compactMap({ OptionCatalogue.builtIn[$0] }) {
                _ = definition.write(definition.read(former), &options)
            }
        }
    }
}
