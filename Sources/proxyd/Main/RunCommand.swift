import ArgumentParser
import Foundation
import Glibc
import ProxyCore
import ProxyRules
import ProxyTools

struct RunCommand: ParsableCommand {
    static let configuration = CommandConfiguration(
        commandName: "run",
        abstract: "Run the proxy until SIGTERM, SIGINT or an addon's shutdown call.",
        discussion: """
            `proxyd options` lists the options that --set and the config file accept.

            With a COMMAND the proxy serves that command only: it starts the command with the proxy and the CA in its environment, prints its \
            own lines on stderr, and exits with the command's exit code when the command does. Without --listen it takes a free port.

            Example: proxyd run --web -- curl https://example.com/
            """
    )

    @Option(help: ArgumentHelp("Address to accept clients on.", valueName: "host:port"))
    var listen: String?

    @Option(
        help: ArgumentHelp(
            "How clients are served: regular, reverse:URL, upstream:URL, socks5 or transparent, each optionally with @[HOST:]PORT; may be repeated.",
            valueName: "mode"
        )
    )
    var mode: [String] = []

    @Option(
        help: ArgumentHelp(
            "Unix socket that addons connect to. Defaults to PROXYD_ADDON_SOCKET, or else the default path.",
            valueName: "path"
        ),
        completion: .file()
    )
    var addonSocket: String?

    @Option(help: ArgumentHelp("Folder with the CA and config.yaml.", valueName: "dir"), completion: .directory)
    var confdir: String?

    @Option(
        help: ArgumentHelp("YAML file of options; config.yaml in the confdir by default.", valueName: "file"),
        completion: .file()
    )
    var config: String?

    @Option(help: ArgumentHelp("Set an option; may be repeated.", valueName: "name=value"))
    var set: [String] = []

    @Option(
        help: ArgumentHelp(
            "Start an addon with /bin/sh (NAME*4=COMMAND: four processes); may be repeated.",
            valueName: "name=command"
        )
    )
    var addon: [String] = []

    @Option(
        help: ArgumentHelp(
            "Change, answer and block traffic by the rules of a YAML file, which is reread when it changes.",
            valueName: "file"
        ),
        completion: .file()
    )
    var rules: String?

    @OptionGroup var patterns: PatternFlags

    @Option(
        help: ArgumentHelp(
            "Answer requests from recorded flows: a HAR file, or a recording of proxyd record; may be repeated.",
            valueName: "file"
        ),
        completion: .file()
    )
    var replayFrom: [String] = []

    @Flag(help: "Show the traffic in a browser: start the inspector on web_listen, and print its address.")
    var web = false

    @Flag(
        name: .customLong("require-ca"),
        help: "Refuse to start when the folder has no CA, instead of creating one."
    )
    var requireCA = false

    @Argument(
        parsing: .postTerminator,
        help: ArgumentHelp("A program to run through the proxy, and its arguments, after --.", valueName: "command")
    )
    var command: [String] = []

    /// The main thread waits for signals: the first stops the daemon, and a second ends the process at once with exit
    /// code 1. So nothing may need the main actor or the main dispatch queue.
    func run() throws {
        let sources = try sources
        let options = try sources.load()
        _ = try RuleSet.load(file: options.rules?.path, PatternOptions(options))
        do { try ReplayFiles.check(options.replayFrom.map(\.path)) } catch { ToolProcess.fail(error) }
        signal(SIGPIPE, SIG_IGN)
        let client = command.isEmpty ? nil : ClientRun(command)
        let output = client == nil ? STDOUT_FILENO : STDERR_FILENO
        let daemon = Daemon(options: options, stdout: output)
        let start = Task { try await daemon.start() }
        Task { await Self.serve(daemon, start, client, login: options.proxyauth, FileHandle(fileDescriptor: output)) }
        let reason = StopSignals.wait {
            Task {
                guard case .success = await start.result else { return }
                daemon.hangUp { () throws(OptionError) in try sources.load() }
            }
        }
        // The terminal sends SIGINT to the command as well.
        if client?.signal(reason == "SIGTERM" ? SIGTERM : 0) == true {
            _ = StopSignals.wait {}
            _ = client?.signal(SIGKILL)
        } else {
            Task { await daemon.stop(reason: reason) }
        }
        _ = StopSignals.wait {}
        _exit(1)
    }

    private static func serve(
        _ daemon: Daemon,
        _ start: Task<Void, any Error>,
        _ client: ClientRun?,
        login: ProxyAuthSetting?,
        _ output: FileHandle
    ) async -> Never {
        do {
            try await start.value
            if daemon.isRunning { say(daemon, on: output) }
            guard let client, daemon.isRunning else {
                await daemon.waitUntilStopped()
                Glibc.exit(client == nil ? 0 : 1)
            }
            let code = try await client.run(daemon, login: login)
            await daemon.stop(reason: "the command has ended")
            ToolProcess.end(code)
        } catch let error as ToolFailure {
            await daemon.stop(reason: error.message)
            ToolProcess.fail(error)
        } catch {
            Proxyd.end(with: error)
        }
    }

    private static func say(_ daemon: Daemon, on output: FileHandle) {
        let inspector = daemon.inspectorAddress.map { "inspector at \($0)" }
        let lines =
            [inspector].compactMap(\.self) + daemon.listenerLines + ["addon socket at \(daemon.addonSocketPath)"]
        try? output.write(contentsOf: Data(lines.map { $0 + "\n" }.joined().utf8))
    }

    private var sources: OptionSources {
        get throws {
            var sources = ownSources
            // Requests answered from a file need no server, and so no server certificate to look at first.
            if try !sources.load().replayFrom.isEmpty {
                sources.defaults += [("connection_strategy", "lazy"), ("upstream_cert", "false")]
            }
            guard !command.isEmpty else { return sources }
            sources.defaults.append(("listen", "127.0.0.1:0"))
            guard try sources.load().isAddonSocketServed, addonSocket == nil else { return sources }
            // The default path belongs to another daemon, which may be running beside this one.
            sources.flags.append(("addon_socket", "--addon-socket", try ToolProcess.temporaryFolder() + "/addon.sock"))
            return sources
        }
    }

    private var ownSources: OptionSources {
        var sources = OptionSources()
        let flags = [
            ("listen", "--listen", listen), ("addon_socket", "--addon-socket", addonSocket),
            ("confdir", "--confdir", confdir), ("rules", "--rules", rules),
        ]
        sources.flags = flags.compactMap { option, flag, value in value.map { (option, flag, $0) } }
        if requireCA { sources.flags.append(("require_ca", "--require-ca", "true")) }
        if web { sources.flags.append(("web", "--web", "true")) }
        sources.flags += replayFrom.map { ("replay_from", "--replay-from", $0) }
        sources.flags += mode.map { ("mode", "--mode", $0) }
        sources.flags += patterns.flags
        sources.configFile = config
        sources.set = set
        sources.addons = addon
        return sources
    }
}
