/// Options of how many connections there may be.
extension OptionCatalogue {
    static let bounds = [
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
}
