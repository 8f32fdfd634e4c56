/// Options of who may connect, how many may, where they may go, and how long things may take.
extension OptionCatalogue {
    static let bounds = connections + addresses + times

    private static let connections = [
        OptionDefinition(
            "max_connections",
            \.maxConnections,
            .optionalInt(1...100_000_000),
            help: """
                How many clients may be connected; others wait to be accepted. Nothing means half of what the limit of open \
                files allows.
                """
        ),
        OptionDefinition(
            "max_connections_per_client",
            \.maxConnectionsPerClient,
            .optionalInt(1...100_000_000),
            help: "How many connections one client address may have; more are closed. Nothing means no limit."
        ),
    ]

    private static let addresses = [
        OptionDefinition(
            "block_global",
            \.blockGlobal,
            .bool,
            help: "Refuse clients with public addresses, so that the proxy is not open to everybody by mistake."
        ),
        OptionDefinition(
            "block_private",
            \.blockPrivate,
            .bool,
            help: "Refuse clients with private addresses; the machine's own are always let in."
        ),
        OptionDefinition(
            "upstream_block",
            \.upstreamBlock,
            .addressBlocks,
            help: """
                Addresses that are not connected to, whatever name leads there: networks such as 10.0.0.0/8, private, \
                loopback, link_local. Proxies and servers that a mode names are not meant.
                """
        ),
        OptionDefinition(
            "connect_ports",
            \.connectPorts,
            .intList(1...65_535),
            help: "Ports that clients may CONNECT to, in HTTP and SOCKS. Nothing means all."
        ),
        OptionDefinition(
            "via",
            \.via,
            .bool,
            help: """
                Add a Via field to what goes through, and refuse requests that have come back by way of other proxies more \
                than four times.
                """
        ),
    ]

    private static let times = [
        OptionDefinition(
            "head_timeout",
            \.headTimeout,
            .int(1...86_400, "seconds"),
            help: "Seconds that the head of a request or response may take from its first byte to its last."
        ),
        OptionDefinition(
            "request_timeout",
            \.requestTimeout,
            .optionalInt(1...86_400, "seconds"),
            help: "Seconds that a client may take to send the body of a request. Nothing means no limit."
        ),
        OptionDefinition(
            "flow_timeout",
            \.flowTimeout,
            .optionalInt(1...86_400, "seconds"),
            help: "Seconds that a flow may take, of whatever type and whoever it waits for. Nothing means no limit."
        ),
    ]
}
