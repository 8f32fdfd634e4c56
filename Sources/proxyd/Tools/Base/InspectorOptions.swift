package import ArgumentParser

/// The flags of the inspector, for both `proxyd inspect` and the inspector itself.
package struct InspectorOptions: ParsableArguments, Sendable {
    /// Which daemon to connect to.
    @OptionGroup package var daemon: DaemonSocket
    /// The path of the daemon's socket; nil: the default.
    package var socket: String? { daemon.socket }

    @Option(help: ArgumentHelp("The loopback address of the page; port 0 takes a free one.", valueName: "host:port"))
    /// The address of the page, as `host:port`.
    package var listen = "127.0.0.1:8081"

    @Option(
        help: ArgumentHelp("Keep the flows in this file, beyond the end of the inspector.", valueName: "file"),
        completion: .file()
    )
    /// The file that keeps the flows; nil: a temporary one.
    package var store: String?

    @Option(help: ArgumentHelp("Maximum size of the store, 16m to 1024g; the oldest flows go.", valueName: "size"))
    /// The maximum size of the store, as `1g`.
    package var storeLimit = "1g"

    @Flag(help: "Change nothing: no flow, no breakpoint, no addon.")
    /// Whether the inspector may change nothing.
    package var readOnly = false

    /// Leaves every flag at its default.
    package init() {}

    /// The flags as they are written on a command line.
    var arguments: [String] {
        let values = [("--socket", socket), ("--listen", listen), ("--store", store), ("--store-limit", storeLimit)]
        return values.compactMap { name, value in value.map { "\(name)=\($0)" } } + (readOnly ? ["--read-only"] : [])
    }
}
