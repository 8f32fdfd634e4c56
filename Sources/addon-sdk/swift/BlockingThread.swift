import Glibc

/// Runs blocking work on a thread of its own, since the threads of Swift's concurrency must not block.
enum BlockingThread {
    private final class Body: Sendable {
        let run: @Sendable () -> Void
        init(_ run: @escaping @Sendable () -> Void) { self.run = run }
    }

    static func run<Value: Sendable>(_ work: @escaping @Sendable () -> Value) async throws -> Value {
        try await withCheckedThrowingContinuation { continuation in
            let body = Unmanaged.passRetained(Body { continuation.resume(returning: work()) })
            var thread = pthread_t()
            // The new thread takes over the reference.
            let status = pthread_create(&thread, nil, Self.enter, body.toOpaque())
            guard status == 0 else {
                body.release()
                continuation.resume(throwing: ThreadError(reason: String(cString: strerror(status))))
                return
            }
            pthread_detach(thread)
        }
    }

    private static let enter: @convention(c) (UnsafeMutableRawPointer?) -> UnsafeMutableRawPointer? = { argument in
        if let argument { Unmanaged<Body>.fromOpaque(argument).takeRetainedValue().run() }
        return nil
    }
}

struct ThreadError: Error, CustomStringConvertible {
    let reason: String
    var description: String { "cannot start a thread: \(reason)" }
}
