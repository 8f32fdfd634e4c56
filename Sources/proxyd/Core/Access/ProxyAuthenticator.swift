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

/// The value of the option `proxyauth`: `NAME:PASSWORD`, `any`, or `@FILE`.
package enum ProxyAuthSetting: Sendable, Equatable {
    case anyone
    case one(BasicCredentials)
    case file(UserPath)

    static let allowed = "USER:PASSWORD, any, @PATH of a file that htpasswd wrote, or nothing"

    init?(parsing text: String) {
        if text == "any" {
            self = .anyone
        } else if text.hasPrefix("@") {
            guard text.count > 1, !text.unicodeScalars.contains("\0") else { return nil }
            self = .file(UserPath(String(text.dropFirst())))
        } else {
            guard let credentials = BasicCredentials(parsing: text) else { return nil }
            self = .one(credentials)
        }
    }

    var text: String {
        switch self {
        case .anyone: "any"
        case .one(let credentials): "\(credentials.username):\(credentials.password)"
        case .file(let path): "@" + path.text
        }
    }
}
