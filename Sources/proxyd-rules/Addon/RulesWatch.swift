import Synchronization

/// Sees a file change, also one that is written anew under its name.
final class RulesWatch: Sendable {
    /// How often it is looked at.
    private static let interval = Duration.milliseconds(250)

    private let watching = Mutex<Task<Void, Never>?>(nil)

    /// Calls `changed` after each change of the file from now on, until another one is followed.
    ///
    /// - Parameter known: what it was when it was read.
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

    /// What has changed is read when it has stayed the same for once, since a file may be written piece by piece.
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
