/// Options of how many connections there may be, and how long things may take.
extension OptionCatalogue {
    static let bounds = connections + times

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
