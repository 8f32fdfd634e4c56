import Synchronization

/// The one-time tokens of addons that the daemon has started and that have not come to the socket yet.
final class AddonTokens: Sendable {
    private let waiting = Mutex<[String: AddonSpec]>([:])

    func expect(_ spec: AddonSpec, token: String) {
        waiting.withLock { $0[token] = spec }
    }

    /// Whether nobody has come with the token yet.
    func isExpected(_ token: String) -> Bool { waiting.withLock { $0[token] != nil } }

    /// The process has ended, or is to end: nobody comes with its token any more.
    func forget(_ token: String) {
        waiting.withLock { $0[token] = nil }
    }

    /// What was started with this token; the token is of no more use.
    func redeem(_ token: String) -> AddonSpec? {
        waiting.withLock { $0.removeValue(forKey: token) }
    }
}
