import AddonProtocol
import ArgumentParser

struct CheckCommand: ParsableCommand, Sendable {
    static let configuration = CommandConfiguration(
        commandName: "check",
        abstract: "Check an addon, in any language, against the protocol.",
        discussion: """
            Plays the daemon to the addon: the handshake, an example from the schema for each event that the addon subscribes to, frames that \
            are split and merged, concurrent events, messages that the addon cannot know, and the shutdown. Replies are judged by the daemon's \
            own rules. The exit code is 1 if the addon breaks a rule.

            EXAMPLES
              proxyd check -- python3 examples/python/add_header.py
              proxyd check --json -- ./my-addon --verbose
              proxyd check --socket /tmp/check.sock        (then start the addon with PROXYD_ADDON_SOCKET=/tmp/check.sock)
            """
    )

    @OptionGroup var options: AddonOptions

    func run() throws {
        ToolProcess.run {
            let (findings, name) = try check()
            report(findings, name)
            if findings.contains(where: \.isFailure) { ToolProcess.end(1) }
        }
    }

    /// The findings, and the name that the addon registered.
    private func check() throws(ToolFailure) -> ([Finding], String?) {
        let addon: AddonUnderTest
        do throws(ToolFailure) {
            addon = try AddonUnderTest(options)
        } catch {
            guard options.socket == nil else { throw error }
            let problem = Problem(came: error.message, allowed: "a connection to the socket in PROXYD_ADDON_SOCKET")
            return ([Finding(rule: "connect", about: "it connects", outcome: .failed(problem))], nil)
        }
        let checker = Checker(addon.link, token: addon.token, patience: options.patience(for:))
        let findings = checker.run { addon.endsByItself() }
        addon.end()
        return (findings, checker.registration?.name)
    }

    private func report(_ findings: [Finding], _ name: String?) {
        let failed = findings.count(where: \.isFailure)
        if options.json {
            let report: JSONValue = [
                "addon": name.map { .string($0) } ?? .null, "ok": .bool(failed == 0),
                "rules": .array(findings.map(\.json)),
            ]
            return Output.line(JSONText.line(report))
        }
        let width = findings.map(\.rule.count).max() ?? 0
        Output.lines(findings.map { $0.text(ruleWidth: width) })
        let subject = name.map { "\"\(escapedForTerminal($0))\"" } ?? "the addon"
        let skipped = findings.count(where: \.isSkipped)
        let rules = Words.count(findings.count - skipped, "rule", "rules")
        let tried = skipped == 0 ? rules : "\(rules) that could be tried; \(skipped) could not"
        Output.line(failed == 0 ? "\(subject) keeps the \(tried)" : "\(subject): FAILED \(failed) of \(tried)")
    }
}
