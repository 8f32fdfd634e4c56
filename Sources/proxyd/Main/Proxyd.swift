import AddonProtocol
import ArgumentParser
import Foundation
import ProxyCore
import ProxyRules
import ProxyTools

@main
struct Proxyd: ParsableCommand {
    static let configuration = CommandConfiguration(
        commandName: "proxyd",
        abstract: "An intercepting proxy whose addons are separate processes.",
        discussion: """
            `proxyd run` is the proxy. `ca` shows the CA that its clients trust. `init` writes an addon, and `check` and `play` try one \
            without a proxy. The other commands talk to a running proxy over its addon socket.

            Completion: proxyd --generate-completion-script bash (or zsh, fish)
            """,
        version: proxydVersion,
        subcommands: [RunCommand.self, OptionsCommand.self] + Tools.commands
    )

    static func main() {
        AddonKeeper.runIfAsked()
        StopSignals.hold()
        openStandardStreams()
        do {
            try checkCommand(CommandLine.arguments.dropFirst())
            var command = try parseAsRoot()
            try command.run()
        } catch {
            end(with: error)
        }
    }

    /// Rejects an unknown command, and suggests the commands that it may stand for.
    private static func checkCommand(_ words: ArraySlice<String>) throws {
        guard let word = words.first == "help" ? words.dropFirst().first : words.first, !word.hasPrefix("-") else {
            return
        }
        let names = configuration.subcommands.compactMap { $0.configuration.commandName } + ["help"]
        guard !names.contains(word) else { return }
        let nearest = nearestNames(to: word, among: names)
        let hint = nearest.isEmpty ? "proxyd --help lists them" : "did you mean \(nearest.joined(separator: " or "))?"
        throw ValidationError("there is no command \(escapedForTerminal(word)); \(hint)")
    }

    /// Prints one line on stderr and exits: with code 2 when the user's input is at fault, otherwise 1.
    static func end(with error: any Error) -> Never {
        switch error {
        case let error as OptionError: fail("\(error)", code: 2)
        case let error as RuleError: fail("\(error)", code: 2)
        case let error as StartError: fail("\(error)", code: 1)
        default: break
        }
        guard exitCode(for: error) == .validationFailure else { exit(withError: error) }
        fail(message(for: error), code: 2)
    }

    private static func fail(_ text: String, code: Int32) -> Never {
        let line = text.split(whereSeparator: \.isNewline).joined(separator: " ")
        try? FileHandle.standardError.write(contentsOf: Data("proxyd: \(line)\n".utf8))
        Foundation.exit(code)
    }
}

/// Opens `/dev/null` for each standard stream that is closed, so that no socket takes its number.
private func openStandardStreams() {
    var file: Int32
    repeat { file = open("/dev/null", O_RDWR) } while (0...2).contains(file)
    close(file)
}
