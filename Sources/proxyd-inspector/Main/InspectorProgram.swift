import ArgumentParser
import Glibc
import InspectorCore
import ProxyCore
import ProxyTools

@main
struct InspectorProgram: ParsableCommand {
    static let configuration = CommandConfiguration(
        commandName: "proxyd-inspector",
        abstract: "Show and control the traffic of a running proxyd in a browser.",
        discussion: """
            Prints the address to open. `proxyd run --web` starts it together with the daemon; `proxyd inspect` starts it beside a \
            running daemon.

            EXAMPLES
              proxyd-inspector --listen 127.0.0.1:8081
              proxyd-inspector --store flows.sqlite --store-limit 4g --read-only
            """
    )

    @OptionGroup var options: InspectorOptions

    static func main() {
        ToolProcess.holdSignals()
        signal(SIGPIPE, SIG_IGN)
        do {
            var command = try parseAsRoot()
            try command.run()
        } catch  where exitCode(for: error) == .validationFailure {
            ToolProcess.fail(ToolFailure.usage(message(for: error)))
        } catch {
            exit(withError: error)
        }
    }

    func validate() throws { _ = try settings }

    func run() throws {
        do {
            let (settings, inspector) = (try settings, try Inspector(settings))
            ToolProcess.run(isWatching: true, beforeEnd: inspector.end) {
                try await inspector.run {
                    // The daemon that gave the token knows the address, and an addon's output goes to its log.
                    if settings.token == nil || settings.pageToken == nil {
                        Output.line("inspector at \(inspector.address)")
                    }
                }
            }
        } catch {
            ToolProcess.fail(error)
        }
    }

    private var settings: Inspector.Settings {
        get throws {
            guard let address = ListenAddress(options.listen) else {
                throw ValidationError(
                    "--listen: found \"\(options.listen)\"; allowed: a port, or 127.0.0.1:PORT, localhost:PORT or [::1]:PORT"
                )
            }
            guard let limit = StoreLimit.bytes(options.storeLimit) else {
                throw ValidationError("--store-limit: found \"\(options.storeLimit)\"; allowed: from 16m to 1024g")
            }
            let token = environment(BundledInspector.tokenVariable)
            guard token.map(Self.isToken) ?? true else {
                throw ValidationError("\(BundledInspector.tokenVariable): allowed are 32 to 128 letters and digits")
            }
            return Inspector.Settings(
                socket: options.socket,
                token: environment("PROXYD_ADDON_TOKEN"),
                pageToken: token,
                listen: address,
                store: options.store,
                storeLimit: limit,
                isReadOnly: options.readOnly
            )
        }
    }

    private static func isToken(_ text: String) -> Bool {
        (32...128).contains(text.utf8.count) && text.allSatisfy { $0.isASCII && ($0.isLetter || $0.isNumber) }
    }

    private func environment(_ name: String) -> String? { getenv(name).map { String(cString: $0) } }
}

/// Parses sizes in the usual notation.
enum StoreLimit {
    /// The bytes of `16m` to `1024g`; nil for anything else.
    static func bytes(_ text: String) -> Int? {
        let units: [Character: Int] = ["k": 10, "m": 20, "g": 30]
        let shift = text.last.flatMap { units[Character($0.lowercased())] }
        let digits = shift == nil ? text[...] : text.dropLast()
        guard let number = Int(digits), (1..<1 << 40).contains(number) else { return nil }
        let bytes = number << (shift ?? 0)
        return (16 << 20...1 << 40).contains(bytes) ? bytes : nil
    }
}
