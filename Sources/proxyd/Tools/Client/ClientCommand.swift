import Foundation
import Glibc
package import ProxyCore
import Synchronization

/// A command run as a client of the daemon: with the proxy and the CA in its environment, on this terminal.
package final class ClientCommand: Sendable {
    /// What the command is told about the daemon.
    package struct Proxy: Sendable {
        let address: HostPort
        /// `user:password`, percent-encoded, if the daemon requires a login.
        let login: String?
        /// The CA's certificate, in PEM.
        let certificate: String
        let addonSocket: String

        /// - Parameters:
        ///   - login: `user:password`, percent-encoded; nil: none.
        ///   - certificate: the CA's certificate, in PEM.
        ///   - addonSocket: the path of the daemon's addon socket.
        package init(address: HostPort, login: String?, certificate: String, addonSocket: String) {
            (self.address, self.login) = (address, login)
            (self.certificate, self.addonSocket) = (certificate, addonSocket)
        }

        var url: String { "http://\(login.map { "\($0)@" } ?? "")\(address)" }
    }

    private let pid: pid_t
    private let files: ClientFiles
    private let hasEnded = Mutex(false)

    /// - Parameter words: the program, looked up as a shell does, and its arguments.
    /// - Throws: `ToolFailure` when it cannot be started, with the exit code that a shell would use, 126 or 127.
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

    /// Blocks until the command ends, and removes its files.
    ///
    /// - Returns: its exit code, or 128 plus the signal that ended it, as a shell reports it.
    package func wait() -> Int32 {
        var information = siginfo_t()
        // The command stays a zombie, and so keeps its process id, until nobody can send it a signal any more.
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

    /// Sends the command a signal, unless it has ended.
    package func signal(_ number: Int32) {
        hasEnded.withLock { hasEnded in if !hasEnded { kill(pid, number) } }
    }
}
