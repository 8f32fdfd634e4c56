#if SANITIZE_THREAD
import Glibc
#endif

/// Waits for a value from another thread.
///
/// - Parameter start: receives the function that takes the value, which must be called exactly once.
func valueFromAnotherThread<Value: Sendable>(_ start: (@escaping @Sendable (Value) -> Void) -> Void) async -> Value {
    #if SANITIZE_THREAD
    let handover = Handover<Value>()
    await withUnsafeContinuation { continuation in start { handover.give($0, continuation) } }
    return handover.take()
    #else
    await withUnsafeContinuation { continuation in start { continuation.resume(returning: $0) } }
    #endif
}

#if SANITIZE_THREAD
/// Tells Thread Sanitizer that what the giver did happens before what the taker does next. Swift's runtime does not
/// report this when the value arrives before anybody waits (https://github.com/swiftlang/swift/issues/57803).
private final class Handover<Value>: @unchecked Sendable {
    private let lock = UnsafeMutablePointer<pthread_mutex_t>.allocate(capacity: 1)
    private var value: Value?

    init() {
        var attributes = pthread_mutexattr_t()
        pthread_mutexattr_init(&attributes)
        // The waiting task may continue within `resume`, on the giver's thread.
        pthread_mutexattr_settype(&attributes, Int32(PTHREAD_MUTEX_RECURSIVE))
        pthread_mutex_init(lock, &attributes)
        pthread_mutexattr_destroy(&attributes)
    }

    deinit {
        pthread_mutex_destroy(lock)
        lock.deallocate()
    }

    func give(_ value: Value, _ continuation: UnsafeContinuation<Void, Never>) {
        pthread_mutex_lock(lock)
        self.value = value
        continuation.resume()
        pthread_mutex_unlock(lock)
    }

    func take() -> Value {
        pthread_mutex_lock(lock)
        defer { pthread_mutex_unlock(lock) }
        guard let value else { fatalError("nothing was given") }
        return value
    }
}
#endif
