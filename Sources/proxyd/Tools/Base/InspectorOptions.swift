package import ArgumentParser

/// The flags of the inspector, as `proxyd inspect` and the program itself take them.
package struct InspectorOptions: ParsableArguments, Sendable {
    @OptionGroup package var daemon: DaemonSocket
    package var socket: String? { daemon.socket }

    @Option(help: ArgumentHelp("The loopback address of the page; port 0 takes a free one.", valueName: "host:port"))
    package var listen = "127.0.0.1:8081"

    @Option(
        help: ArgumentHelp("Keep the flows in this file; else they go with the inspector.", valueName: "file"),
        completion: .file()
    )
    package var store: String?

    @Option(help: ArgumentHelp("How large the store may grow, 16m to 1024g; the oldest flows go.", valueName: "size"))
    package var storeLimit = "1g"

    @Flag(help: "Change nothing: no flow, no breakpoint, no addon.")
    package var readOnly = false

    package init() {}

    /// The same as they are written.
    var arguments: [String] {
        let values = [("--socket", socket), ("--listen", listen), ("--store", store), ("--store-limit", storeLimit)]
        return values.compactMap { name, value in value.map { "\(name)=\($0)" } } + (readOnly ? ["--read-only"] : [])
    }
}
