import Foundation
import Glibc
import Synchronization

/// A command that is started as a client of the daemon: with the proxy and the CA in its environment, and this terminal.
package final class ClientCommand: Sendable {
    /// What it is told of the daemon.
    package struct Proxy: Sendable {
        let host: String
        let port: Int
        /// `user:password`, percent-encoded, if the daemon wants one.
        let login: String?
        /// Of the CA, in PEM.
        let certificate: String
        let addonSocket: String

        package init(host: String, port: Int, login: String?, certificate: String, addonSocket: String) {
            (self.host, self.port, self.login) = (host, port, login)
            (self.certificate, self.addonSocket) = (certificate, addonSocket)
        }

        var url: String {
            let place = host.contains(":") ? "[\(host)]" : host
            return "http://\(login.map { "\($0)@" } ?? "")\(place):\(port)"
        }
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
            host: proxy.host,
            port: proxy.port,
            bundle: files.bundle,
            javaTrustStore: files.javaTrustStore,
            nodeScript: files.nodeScript
        )
        var variables = environment.variables(over: inherited)
        variables["PROXYD_ADDON_SOCKET"] = proxy.addonSocket
        do {
            pid = try Self.start(words, variables)
        } catch {
            files.remove()
            throw error
        }
        self.files = files
    }

    /// Starts it as a shell would, with no signals held back or ignored.
    private static func start(_ words: [String], _ variables: [String: String]) throws -> pid_t {
        var attributes = posix_spawnattr_t()
        posix_spawnattr_init(&attributes)
        defer { posix_spawnattr_destroy(&attributes) }
        var (none, ignored) = (sigset_t(), sigset_t())
        sigemptyset(&none)
        sigemptyset(&ignored)
        sigaddset(&ignored, SIGPIPE)
        posix_spawnattr_setsigmask(&attributes, &none)
        posix_spawnattr_setsigdefault(&attributes, &ignored)
        posix_spawnattr_setflags(&attributes, Int16(POSIX_SPAWN_SETSIGMASK | POSIX_SPAWN_SETSIGDEF))
        var arguments = words.map { strdup($0) } + [nil]
        var environment = variables.map { strdup("\($0.key)=\($0.value)") } + [nil]
        defer { for text in arguments + environment { free(text) } }
        var pid = pid_t()
        let failure = posix_spawnp(&pid, words[0], nil, &attributes, &arguments, &environment)
        guard failure == 0 else {
            let reason = String(cString: strerror(failure))
            throw ToolFailure(message: "cannot run \(words[0]): \(reason)", code: failure == ENOENT ? 127 : 126)
        }
        return pid
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
