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
