import Synchronization

/// One-time tokens of addons that the daemon started and that have not connected yet.
final class AddonTokens: Sendable {
    private let waiting = Mutex<[String: AddonSpec]>([:])

    /// Makes a token valid.
    func expect(_ spec: AddonSpec, token: String) {
        waiting.withLock { $0[token] = spec }
    }

    /// Whether nobody has used the token yet.
    func isExpected(_ token: String) -> Bool { waiting.withLock { $0[token] != nil } }

    /// Invalidates the token of a process that has ended or is about to.
    func forget(_ token: String) {
        waiting.withLock { $0[token] = nil }
    }

    /// Returns what was started with this token, and invalidates the token.
    func redeem(_ token: String) -> AddonSpec? {
        waiting.withLock { $0.removeValue(forKey: token) }
    }
}
