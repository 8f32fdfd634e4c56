import Synchronization

/// Watches a file for changes, including its replacement under the same name.
final class RulesWatch: Sendable {
    /// How often to look at it.
    private static let interval = Duration.milliseconds(250)

    private let watching = Mutex<Task<Void, Never>?>(nil)

    /// Calls `changed` after each change of the file, until another file is followed.
    ///
    /// - Parameter known: the state of the file when it was read.
    func follow(_ path: String, since known: FileState?, _ changed: @escaping @Sendable () async -> Void) {
        let task = Task { await Self.look(at: path, since: known, changed) }
        watching.withLock { watching in
            watching?.cancel()
            watching = task
        }
    }

    func end() {
        watching.withLock { watching in
            watching?.cancel()
            watching = nil
        }
    }

    /// Reports a change once the file has stayed the same for one interval, since it may be written piece by piece.
    private static func look(
        at path: String,
        since known: FileState?,
        _ changed: @Sendable () async -> Void
    ) async {
        var (known, last) = (known, known)
        while (try? await Task.sleep(for: interval)) != nil {
            let state = FileState(path)
            defer { last = state }
            guard state != known, state == last else { continue }
            known = state
            await changed()
        }
    }
}
