/// Options for access, connection limits, destinations and timeouts.
extension OptionCatalogue {
    static let bounds = connections + addresses + times

    private static let connections = [
        OptionDefinition(
            "max_connections",
            \.maxConnections,
            .optionalInt(1...100_000_000),
            help: """
                How many clients may be connected at once; others wait to be accepted. Default: half of the limit on \
                open files.
                """
        ),
        OptionDefinition(
            "max_connections_per_client",
            \.maxConnectionsPerClient,
            .optionalInt(1...100_000_000),
            help: "How many connections one client address may have; further ones are closed. Default: no limit."
        ),
    ]

    private static let addresses = [
        OptionDefinition(
            "block_global",
            \.blockGlobal,
            .bool,
            help: "Refuse clients with public addresses, so that the proxy is not an open proxy by mistake."
        ),
        OptionDefinition(
            "block_private",
            \.blockPrivate,
            .bool,
            help: "Refuse clients with private addresses; the machine's own are always accepted."
        ),
        OptionDefinition(
            "upstream_block",
            \.upstreamBlock,
            .addressBlocks,
            help: """
                Addresses that the proxy never connects to, whatever name resolves to them: networks such as \
                10.0.0.0/8, private, loopback, link_local. Proxies and servers that a mode names are exempt.
                """
        ),
        OptionDefinition(
            "connect_ports",
            \.connectPorts,
            .intList(1...65_535),
            help: "Ports that clients may CONNECT to, over HTTP and SOCKS. Default: all."
        ),
        OptionDefinition(
            "via",
            \.via,
            .bool,
            help: """
                Add a Via field to messages, and refuse requests that have looped back through other proxies more than \
                four times.
                """
        ),
    ]

    private static let times = [
        OptionDefinition(
            "head_timeout",
            \.headTimeout,
            .int(1...86_400, "seconds"),
            help: "Seconds that a request or response head may take, from its first byte to its last."
        ),
        OptionDefinition(
            "request_timeout",
            \.requestTimeout,
            .optionalInt(1...86_400, "seconds"),
            help: "Seconds that a client may take to send the body of a request. Default: no limit."
        ),
        OptionDefinition(
            "flow_timeout",
            \.flowTimeout,
            .optionalInt(1...86_400, "seconds"),
            help: "Seconds that a flow of any type may take, including every wait. Default: no limit."
        ),
    ]
}
