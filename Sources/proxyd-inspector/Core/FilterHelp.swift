import AddonProtocol

/// The elements of the filter language (protocol section 12), for the page's help.
enum FilterHelp {
    static let atoms: [(text: String, help: String)] = [
        ("~all", "every flow"), ("~http", "HTTP, and what began with it"), ("~websocket", "WebSocket"), ("~tcp", "TCP"),
        ("~udp", "UDP"), ("~dns", "DNS"), ("~q", "has no response yet"), ("~s", "has a response"),
        ("~e", "has an error"),
        ("~marked", "is marked"), ("~replay", "is a replay"), ("~replayq", "is the replay of a request"),
        ("~replays", "has a replayed response"), ("~a", "is a style sheet, script, image or font"),
        ("~c STATUS", "has this status"), ("~u REGEX", "has this URL; also without ~u"),
        ("~d REGEX", "goes to this host"),
        ("~m REGEX", "has this method"), ("~h REGEX", "has this header field, \"name: value\""),
        ("~hq REGEX", "has it in the request"), ("~hs REGEX", "has it in the response"),
        ("~t REGEX", "has this content type"), ("~tq REGEX", "has it in the request"),
        ("~ts REGEX", "has it in the response"),
        ("~b REGEX", "has this in a body"), ("~bq REGEX", "has it in the request's body"),
        ("~bs REGEX", "has it in the response's body"), ("~src REGEX", "comes from this host:port"),
        ("~dst REGEX", "goes to this host:port"), ("~marker REGEX", "has this mark"),
        ("~comment REGEX", "has this comment"),
        ("~meta REGEX", "has this \"key: value\" in its metadata"), ("! & | ( )", "not, and, or, groups"),
    ]

    static var json: JSONValue {
        .array(atoms.map { ["filter": .string($0.text), "help": .string($0.help)] })
    }
}
