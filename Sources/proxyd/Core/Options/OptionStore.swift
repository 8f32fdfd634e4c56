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
    /// to which `restore` goes back when an addon vetoes.
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

    package func restore(_ former: Options) {
        state.withLock { $0 = former }
    }
}
