import NIOPosix
import Synchronization

/// Who may use the proxy: the option `proxyauth`.
final class ProxyAuthenticator: Sendable {
    private enum Rule: Sendable {
        case anyone
        case one(BasicCredentials)
        case file(HtpasswdFile)
    }

    private let rule: Rule
    /// Credentials that a file has accepted, since each check of a hash is made to be slow.
    private let proven = Mutex<Set<BasicCredentials>>([])

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

    /// Whether a user with these credentials may go on.
    func accepts(_ credentials: BasicCredentials) async -> Bool {
        switch rule {
        case .anyone: true
        case .one(let wanted): wanted.matches(credentials)
        case .file(let file): await check(credentials, against: file)
        }
    }

    /// Off the event loop, which other connections need meanwhile.
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
