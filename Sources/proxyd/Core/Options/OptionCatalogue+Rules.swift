extension OptionCatalogue {
    /// The options that the bundled addon `proxyd-rules` reads.
    static let rules = [
        OptionDefinition(
            "rules",
            \.rules,
            .optionalPath,
            help: "YAML file of rules that change, answer or block traffic; reloaded when it changes."
        ),
        OptionDefinition(
            "map_remote",
            \.mapRemote,
            .lines,
            help:
                """
                [/flow-filter]/url-regex/replacement: requests go to another URL. The first character is the \
                separator.
                """
        ),
        OptionDefinition(
            "map_local",
            \.mapLocal,
            .lines,
            help: "[/flow-filter]/url-regex/path: requests are answered with a file, or with files of a folder."
        ),
        OptionDefinition(
            "modify_headers",
            \.modifyHeaders,
            .lines,
            help: """
                [/flow-filter]/name/[@]value: set this header field on requests and responses; @ is the path of a \
                file, and an empty value removes the field.
                """
        ),
        OptionDefinition(
            "modify_body",
            \.modifyBody,
            .lines,
            help: "[/flow-filter]/regex/[@]replacement: replace matches in bodies; @ is the path of a file."
        ),
        OptionDefinition(
            "block_list",
            \.blockList,
            .lines,
            help: "/flow-filter/status: requests are answered with an empty response; 444 closes the connection."
        ),
    ]
}
