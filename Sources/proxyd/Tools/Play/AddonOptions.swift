import AddonProtocol
import ArgumentParser

/// The flags of the tools that play the daemon to an addon.
struct AddonOptions: ParsableArguments, Sendable {
    @Option(
        help: ArgumentHelp("Wait at this path for an addon that attaches, instead of starting one.", valueName: "path"),
        completion: .file()
    )
    var socket: String?

    @Option(
        help: ArgumentHelp(
            "How long an answer may take; by default, what the addon asks for, or 5000.",
            valueName: "milliseconds"
        )
    )
    var timeoutMs: Int?

    @Flag(help: "Print the report as JSON.")
    var json = false

    @Argument(parsing: .postTerminator, help: "The addon, run by /bin/sh.")
    var command: [String] = []

    func validate() throws {
        guard command.isEmpty != (socket == nil) else {
            throw ValidationError("give either -- COMMAND, such as -- python3 addon.py, or --socket PATH")
        }
        if let timeoutMs, !(1...600_000).contains(timeoutMs) {
            throw ValidationError("--timeout-ms: found \(timeoutMs); allowed: 1 to 600000")
        }
    }
}

extension AddonOptions {
    /// The timeout from the flag, else the longest that the addon asks for.
    func patience(for registration: Registration?) -> Duration {
        .milliseconds(timeoutMs ?? registration?.longestTimeout ?? Self.usualMilliseconds)
    }

    /// The default of the daemon's option timeout_ms.
    private static let usualMilliseconds = 5_000
}

extension Registration {
    fileprivate var longestTimeout: Int? {
        (subscriptions.map(\.timeoutMilliseconds) + [timeoutMilliseconds]).compactMap { $0?.milliseconds }.max()
    }
}
