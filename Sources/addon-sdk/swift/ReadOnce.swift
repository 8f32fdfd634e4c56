import AddonProtocol
import Synchronization

/// All of what the daemon sent of a flow, read when it is first asked for.
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
