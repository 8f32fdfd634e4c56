import NIOPosix
import Synchronization

/// Decides who may use the proxy, by the option `proxyauth`.
final class ProxyAuthenticator: Sendable {
    /// What the option demands.
    private enum Rule: Sendable {
        case anyone
        case one(BasicCredentials)
        case file(HtpasswdFile)
    }

    private let rule: Rule
    /// Credentials that the file has accepted, since password hashes are slow to check by design.
    private let proven = Mutex<Set<BasicCredentials>>([])

    /// Loads what the setting needs, such as a file of users.
    init(_ setting: ProxyAuthSetting) throws(StartError) {
        switch setting {
        case .anyone: rule = .anyone
        case .one(let credentials): rule = .one(credentials)
        case .file(let path):
            do {
                rule = .file(try HtpasswdFile.read(path.path))
            } catch {
                throw StartError("proxyauth: \(error)")
            }
        }
    }

    /// Whether these credentials are valid.
    func accepts(_ credentials: BasicCredentials) async -> Bool {
        switch rule {
        case .anyone: true
        case .one(let wanted): wanted.matches(credentials)
        case .file(let file): await check(credentials, against: file)
        }
    }

    /// Checks off the event loop, which must stay free for other connections.
    private func check(_ credentials: BasicCredentials, against file: HtpasswdFile) async -> Bool {
        if proven.withLock({ $0.contains(credentials) }) { return true }
        guard file.users[credentials.username] != nil else { return false }
        let isRight = (try? await NIOThreadPool.singleton.runIfActive { file.accepts(credentials) }) ?? false
        if isRight { remember(credentials) }
        return isRight
    }

    private func remember(_ credentials: BasicCredentials) {
        proven.withLock { proven in
            if proven.count >= Limits.provenCredentials { proven.removeAll() }
            proven.insert(credentials)
        }
    }
}
