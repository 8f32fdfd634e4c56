import AddonProtocol
package import ArgumentParser
import Glibc

package struct CheckCommand: ParsableCommand {
    package static let configuration = CommandConfiguration(
        commandName: "check",
        abstract: "Check an addon, in any language, against the protocol.",
        discussion: """
            Plays the daemon to the addon: the handshake, each event that it subscribes to with an example of the schema, frames that \
            are split and merged, events at the same time, what it cannot know, and the end. Replies are judged by the rules of the \
            daemon. The exit code is 1 if a rule does not hold.

            EXAMPLES
              proxyd check -- python3 examples/python/add_header.py
              proxyd check --json -- ./my-addon --verbose
              proxyd check --socket /tmp/check.sock        (then start the addon with PROXYD_ADDON_SOCKET=/tmp/check.sock)
            """
    )

    @Option(help: ArgumentHelp("Wait at this path for an addon that attaches, and start none.", valueName: "path"))
    var socket: String?

    @Option(
        help: ArgumentHelp(
            "How long an answer may take; by default what the addon asks for, or 5000.",
            valueName: "milliseconds"
        )
    )
    var timeoutMs: Int?

    @Flag(help: "Print the report as JSON.")
    var json = false

    @Argument(parsing: .postTerminator, help: "The addon, run by /bin/sh.")
    var command: [String] = []

    package init() {}

    package func validate() throws {
        guard command.isEmpty != (socket == nil) else {
            throw ValidationError("give either -- COMMAND, such as -- python3 addon.py, or --socket PATH")
        }
        if let timeoutMs, !(1...600_000).contains(timeoutMs) {
            throw ValidationError("--timeout-ms: found \(timeoutMs); allowed: 1 to 600000")
        }
    }

    package func run() throws {
        let addon: AddonUnderTest
        do throws(PlayFailure) {
            addon = try AddonUnderTest(command: command, socket: socket)
        } catch {
            guard socket == nil else { throw error }
            let problem = Problem(came: error.description, allowed: "a connection to the socket in PROXYD_ADDON_SOCKET")
            return try report([Finding(rule: "connect", about: "it connects", outcome: .failed(problem))], nil)
        }
        let checker = Checker(addon.link, token: addon.token, patience: timeoutMs.map { .milliseconds($0) })
        let findings = checker.run { addon.endsByItself() }
        addon.end()
        try report(findings, checker.registration?.name)
    }

    private func report(_ findings: [Finding], _ name: String?) throws {
        let failed = findings.count(where: \.isFailure)
        if json {
            let list = JSONValue.array(findings.map(\.json))
            print(
                JSONValue.object([
                    .init("addon", name.map { .string($0) } ?? .null), .init("ok", .bool(failed == 0)),
                    .init("rules", list),
                ])
            )
        } else {
            let width = findings.map(\.rule.count).max() ?? 0
            for finding in findings { print(finding.text(ruleWidth: width)) }
            let subject = name.map { "\"\(escapedForTerminal($0))\"" } ?? "the addon"
            print(
                failed == 0
                    ? "\(subject) keeps the \(findings.count) rules"
                    : "\(subject): FAILED \(failed) of \(findings.count) rules"
            )
        }
        fflush(nil)
        if failed > 0 { throw ExitCode(1) }
    }
}
