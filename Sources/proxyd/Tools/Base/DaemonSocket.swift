package import ArgumentParser

/// The flag of every program that talks to a running daemon.
package struct DaemonSocket: ParsableArguments, Sendable {
    @Option(
        help: ArgumentHelp(
            "The daemon's addon socket. Without it PROXYD_ADDON_SOCKET, or else the default path.",
            valueName: "path"
        ),
        completion: .file()
    )
    package var socket: String?

    package init() {}
}
