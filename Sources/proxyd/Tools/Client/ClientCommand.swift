import Foundation
import Glibc
package import ProxyCore
import Synchronization

/// A command that is started as a client of the daemon: with the proxy and the CA in its environment, and this terminal.
package final class ClientCommand: Sendable {
    /// What it is told of the daemon.
    package struct Proxy: Sendable {
        let address: HostPort
        /// `user:password`, percent-encoded, if the daemon wants one.
        let login: String?
        /// Of the CA, in PEM.
        let certificate: String
        let addonSocket: String

        package init(address: HostPort, login: String?, certificate: String, addonSocket: String) {
            (self.address, self.login) = (address, login)
            (self.certificate, self.addonSocket) = (certificate, addonSocket)
        }

        var url: String { "http://\(login.map { "\($0)@" } ?? "")\(address)" }
    }

    private let pid: pid_t
    private let files: ClientFiles
    private let hasEnded = Mutex(false)

    /// - Parameter words: the program, found as a shell finds it, and its arguments.
    /// - Throws: `ToolFailure` with the exit code that a shell has for it, 126 or 127, when it cannot be started.
    package init(_ words: [String], through proxy: Proxy) throws {
        let inherited = ProcessInfo.processInfo.environment
        let files = try ClientFiles(certificate: CertificateBundle(pem: proxy.certificate), inherited: inherited)
        let environment = ClientEnvironment(
            proxy: proxy.url,
            host: proxy.address.host,
            port: proxy.address.port,
            bundle: files.bundle,
            javaTrustStore: files.javaTrustStore,
            nodeScript: files.nodeScript
        )
        var variables = environment.variables(over: inherited)
        variables["PROXYD_ADDON_SOCKET"] = proxy.addonSocket
        do {
            pid = try ForegroundProcess.start(words, variables)
        } catch {
            files.remove()
            let reason = String(cString: strerror(error.number))
            let code: Int32 = error.number == ENOENT ? 127 : 126
            throw ToolFailure(message: "cannot run \(words[0]): \(reason)", code: code)
        }
        self.files = files
    }

    /// Blocks until it ends; its files are gone then.
    ///
    /// - Returns: its exit code, or 128 and the signal that has ended it, as a shell tells it.
    package func wait() -> Int32 {
        var information = siginfo_t()
        // It keeps its process id until nobody sends signals to it any more.
        while waitid(P_PID, id_t(pid), &information, WEXITED | WNOWAIT) != 0, errno == EINTR {}
        var status: Int32 = 0
        hasEnded.withLock { hasEnded in
            hasEnded = true
            while waitpid(pid, &status, 0) < 0, errno == EINTR {}
        }
        files.remove()
        let signal = status & 0x7f
        return signal == 0 ? status >> 8 & 0xff : 128 + signal
    }

    /// Sends it a signal, unless it has ended.
    package func signal(_ number: Int32) {
        hasEnded.withLock { hasEnded in if !hasEnded { kill(pid, number) } }
    }
}
