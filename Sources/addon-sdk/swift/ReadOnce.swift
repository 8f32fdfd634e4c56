import AddonProtocol
import Synchronization

/// Everything that the daemon sent about a flow, decoded at first use.
struct ReadOnce: ~Copyable, Sendable {
    private let value = Mutex<JSONValue?>(nil)

    func read(_ json: LazyJSON) -> JSONValue {
        value.withLock { value in
            let read = value ?? json.value
            value = read
            return read
        }
    }
}
