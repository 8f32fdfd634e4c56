import ArgumentParser
import Glibc
import ProxyCore

struct RunCommand: ParsableCommand {
    static let configuration = CommandConfiguration(
        commandName: "run",
        abstract: "Run the proxy until SIGTERM, SIGINT or an addon's shutdown call.",
        discussion: "`proxyd options` lists what --set and the config file take."
    )

    @Option(help: ArgumentHelp("Address to accept clients on.", valueName: "host:port"))
    var listen: String?

    @Option(
        help: ArgumentHelp(
            "How clients are served: regular, reverse:URL, upstream:URL, socks5 or transparent, each perhaps with @[HOST:]PORT; may be repeated.",
            valueName: "mode"
        )
    )
    var mode: [String] = []

    @Option(
        help: ArgumentHelp(
            "Unix socket to which addons connect. Without it PROXYD_ADDON_SOCKET, or else the default path.",
            valueName: "path"
        ),
        completion: .file()
    )
    var addonSocket: String?

    @Option(help: ArgumentHelp("Folder of the CA and of config.yaml.", valueName: "dir"), completion: .directory)
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

    @Flag(help: "Show what flows in a browser: start the inspector on web_listen, and print its address.")
    var web = false

    /// The main thread waits for signals: the first stops the daemon, a second ends the process at once with exit
    /// code 1. So nothing may need the main actor or the main dispatch queue.
    func run() throws {
        let sources = sources
        let options = try sources.load()
        signal(SIGPIPE, SIG_IGN)
        let daemon = Daemon(options: options)
        let start = Task { try await daemon.start() }
        Task { await Self.serve(daemon, start) }
        let reason = StopSignals.wait {
            Task {
                guard case .success = await start.result else { return }
                daemon.hangUp { () throws(OptionError) in try sources.load() }
            }
        }
        Task { await daemon.stop(reason: reason) }
        _ = StopSignals.wait {}
        _exit(1)
    }

    private static func serve(_ daemon: Daemon, _ start: Task<Void, any Error>) async -> Never {
        do {
            try await start.value
        } catch {
            Proxyd.end(with: error)
        }
        if daemon.isRunning {
            if let address = daemon.inspectorAddress { print("inspector at \(address)") }
            for line in daemon.listenerLines { print(line) }
            print("addon socket at \(daemon.addonSocketPath)")
            fflush(nil)
        }
        await daemon.waitUntilStopped()
        Glibc.exit(0)
    }

    private var sources: OptionSources {
        var sources = OptionSources()
        let flags = [
            ("listen", "--listen", listen), ("addon_socket", "--addon-socket", addonSocket),
            ("confdir", "--confdir", confdir),
        ]
        sources.flags = flags.compactMap { option, flag, value in value.map { (option, flag, $0) } }
        if web { sources.flags.append(("web", "--web", "true")) }
        sources.flags += mode.map { ("mode", "--mode", $0) }
        sources.configFile = config
        sources.set = set
        sources.addons = addon
        return sources
    }
}
