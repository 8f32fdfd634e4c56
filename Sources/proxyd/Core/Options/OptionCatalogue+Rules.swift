extension OptionCatalogue {
    /// What the bundled addon `proxyd-rules` is told.
    static let rules = [
        OptionDefinition(
            "rules",
            \.rules,
            .optionalPath,
            help: "YAML file of rules for what is to be changed, answered or blocked; read again when it changes."
        ),
        OptionDefinition(
            "map_remote",
            \.mapRemote,
            .lines,
            help:
                "[/flow-filter]/url-regex/replacement: requests go to another URL. Any first character separates the parts."
        ),
        OptionDefinition(
            "map_local",
            \.mapLocal,
            .lines,
            help: "[/flow-filter]/url-regex/path: requests are answered with a file, or with those of a folder."
        ),
        OptionDefinition(
            "modify_headers",
            \.modifyHeaders,
            .lines,
            help: """
                [/flow-filter]/name/[@]value: requests and responses have this header field; @ is the path of a file, and no value \
                removes the field.
                """
        ),
        OptionDefinition(
            "modify_body",
            \.modifyBody,
            .lines,
            help: "[/flow-filter]/regex/[@]replacement: what is found in bodies is replaced; @ is the path of a file."
        ),
        OptionDefinition(
            "block_list",
            \.blockList,
            .lines,
            help: "/flow-filter/status: requests are answered with an empty response; 444 closes the connection."
        ),
    ]
}
