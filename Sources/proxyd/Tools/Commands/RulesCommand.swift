import AddonProtocol
import AddonSDK
import ArgumentParser
import Foundation
import ProxyRules

struct RulesCommand: ParsableCommand, Sendable {
    static let configuration = CommandConfiguration(
        commandName: "rules",
        abstract: "Apply a file of rules to a running daemon's traffic, or explain what it would do.",
        discussion: """
            `proxyd run --rules FILE` does the same with a daemon of its own. The file is reread when it changes; if it is faulty then, \
            the previous rules stay in force. With --check nothing is applied: the file is read, and for a URL each rule says \
            whether it would apply to a request for it, and if not, why.

            EXAMPLES
              proxyd rules rules.yaml
              proxyd rules --check rules.yaml
              proxyd rules --check rules.yaml https://api.example.com/v1/ --method POST --header 'accept: text/html'
            """
    )

    @Argument(help: ArgumentHelp("A YAML file of rules.", valueName: "file"), completion: .file())
    var file: String?

    @Argument(help: ArgumentHelp("With --check: the URL to try the rules on.", valueName: "url"))
    var url: String?

    @Flag(help: "Read the file, explain it, and exit.")
    var check = false

    @Option(help: ArgumentHelp("With --check: the request's method.", valueName: "method"))
    var method = "GET"

    @Option(
        help: ArgumentHelp("With --check: a header field of the request; may be repeated.", valueName: "name: value")
    )
    var header: [String] = []

    @OptionGroup var daemon: DaemonSocket

    private static var isStartedByDaemon: Bool { ProcessInfo.processInfo.environment["PROXYD_ADDON_TOKEN"] != nil }

    func validate() throws {
        guard file != nil || (Self.isStartedByDaemon && !check) else {
            throw ValidationError("a file of rules is missing")
        }
        guard url == nil || check else { throw ValidationError("a URL needs --check") }
        guard check || (header.isEmpty && method == "GET") else {
            throw ValidationError("--method and --header need --check")
        }
    }

    func run() throws {
        guard check, let file else { ToolProcess.run(finishes: true) { try await serve() } }
        ToolProcess.run {
            let rules = try RuleSet.load(file: file, PatternOptions())
            guard let url else { return Output.line(Explanation.count(rules)) }
            let request = try Explanation.Request(url, method: method, fields: header)
            Output.lines(Explanation(rules, request).lines.map { escapedForTerminal($0) })
        }
    }

    private func serve() async throws {
        let rules = try file.map { try RuleSet.load(file: $0, PatternOptions()) }
        let addon = RulesAddon(file: file, rules ?? RuleSet.none) { ToolProcess.fail($0) }
        try await addon.run(socket: daemon.socket)
    }
}
