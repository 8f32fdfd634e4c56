package import ArgumentParser

/// The flag of every command that talks to a running daemon.
package struct DaemonSocket: ParsableArguments, Sendable {
    @Option(
        help: ArgumentHelp(
            "The daemon's addon socket. Defaults to PROXYD_ADDON_SOCKET, or else the default path.",
            valueName: "path"
        ),
        completion: .file()
    )
    /// The path of the socket; nil: the default.
    package var socket: String?

    /// Leaves every flag at its default.
    package init() {}
}
