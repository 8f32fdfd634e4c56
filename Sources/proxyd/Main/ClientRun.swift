import Foundation
import ProxyCore
import ProxyTools
import Synchronization

/// The command of `proxyd run -- COMMAND`: it uses the daemon, and the daemon ends with it.
final class ClientRun: Sendable {
    private let words: [String]
    private let command = Mutex<ClientCommand?>(nil)

    init(_ words: [String]) { self.words = words }

    /// Starts the command and waits until it exits.
    ///
    /// - Parameter login: the credentials that clients of the daemon log in with.
    /// - Returns: the command's exit code as a shell would report it.
    func run(_ daemon: Daemon, login: ProxyAuthSetting?) async throws -> Int32 {
        let started = try ClientCommand(words, through: try Self.proxy(of: daemon, login))
        command.withLock { $0 = started }
        Task {
            await daemon.waitUntilStopped()
            started.signal(SIGTERM)
        }
        return await withCheckedContinuation { continuation in
            Thread.detachNewThread { continuation.resume(returning: started.wait()) }
        }
    }

    /// Sends a signal to the command.
    ///
    /// - Returns: false when the command has not been started.
    func signal(_ number: Int32) -> Bool {
        guard let command = command.withLock({ $0 }) else { return false }
        command.signal(number)
        return true
    }

    private static func proxy(of daemon: Daemon, _ login: ProxyAuthSetting?) throws -> ClientCommand.Proxy {
        guard let address = daemon.clientAddress, let certificate = daemon.certificate else {
            throw ToolFailure.usage("a command needs a listener in regular mode")
        }
        return ClientCommand.Proxy(
            address: address,
            login: try text(of: login),
            certificate: certificate,
            addonSocket: daemon.addonSocketPath
        )
    }

    private static func text(of login: ProxyAuthSetting?) throws -> String? {
        switch login {
        case nil: nil
        case .anyone: "proxyd:proxyd"
        case .one(let credentials): "\(encoded(credentials.username)):\(encoded(credentials.password))"
        case .file:
            throw ToolFailure.usage("a command cannot log in with a proxyauth file; only USER:PASSWORD is allowed")
        }
    }

    private static func encoded(_ text: String) -> String {
        text.addingPercentEncoding(withAllowedCharacters: .alphanumerics.intersection(.init(charactersIn: "\0"..."~")))
            ?? ""
    }
}
