import AddonProtocol
import AddonSDK
import ArgumentParser
import Foundation
import ProxyRules

struct RulesCommand: ParsableCommand, Sendable {
    static let configuration = CommandConfiguration(
        commandName: "rules",
        abstract: "Do to a running daemon's traffic what a file of rules says, or explain what it would do.",
        discussion: """
            `proxyd run --rules FILE` does the same with a daemon of its own. The file is read again when it changes; with a fault in it \
            the rules that were read before stay in force. With --check nothing is done: the file is read, and for a URL each rule says \
            whether it would apply to a request of it, and why not.

            EXAMPLES
              proxyd rules rules.yaml
              proxyd rules --check rules.yaml
              proxyd rules --check rules.yaml https://api.example.com/v1/ --method POST --header 'accept: text/html'
            """
    )

    @Argument(help: ArgumentHelp("A YAML file of rules.", valueName: "file"), completion: .file())
    var file: String?

    @Argument(help: ArgumentHelp("With --check: which rules would apply to it.", valueName: "url"))
    var url: String?

    @Flag(help: "Read the file and explain it, and end.")
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
        guard url == nil || check else { throw ValidationError("a URL goes with --check") }
        guard check || (header.isEmpty && method == "GET") else {
            throw ValidationError("--method and --header go with --check")
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
