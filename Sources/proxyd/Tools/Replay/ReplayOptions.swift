import AddonProtocol

/// The options of server replay, with mitmproxy's names, defaults and meanings.
struct ReplayOptions: Sendable, Equatable {
    /// What becomes of requests to which nothing was recorded, or nothing more.
    enum Extra: Sendable, Equatable {
        case forward
        case kill
        case status(Int)
    }

    private static let prefix = "server_replay_"
    private static let extras = ["forward", "kill", "204", "400", "404", "500"]

    var matching = ReplayMatching()
    var limits = ReplayLimits()
    var reuses = false
    var refreshes = true
    var extra = Extra.forward

    static let declared: [DeclaredOption] = [
        flag("ignore_content", false, "Whether requests match whatever their bodies are."),
        flag("ignore_host", false, "Whether requests match whichever host they are for."),
        flag("ignore_port", false, "Whether requests match whichever port they are for."),
        list("ignore_params", "Parameters of the query that do not count."),
        list(
            "ignore_payload_params",
            "Parameters of a form in the body (application/x-www-form-urlencoded or multipart/form-data) that do not count."
        ),
        list("use_headers", "Header fields of the request that count too."),
        flag("reuse", false, "Whether a recorded response is given again and again, not once."),
        flag("refresh", true, "Whether Date, Expires, Last-Modified and the expiry of cookies are moved to now."),
        DeclaredOption(
            name: prefix + "extra",
            kind: .string,
            defaultValue: "forward",
            help: """
                What becomes of a request to which there is no recorded response (any more): it goes to its server, its connection is \
                closed, or it is answered by this status.
                """,
            choices: extras
        ),
    ]

    private static func flag(_ name: String, _ value: Bool, _ help: String) -> DeclaredOption {
        DeclaredOption(name: prefix + name, kind: .bool, defaultValue: .bool(value), help: help)
    }

    private static func list(_ name: String, _ help: String) -> DeclaredOption {
        DeclaredOption(name: prefix + name, kind: .stringList, defaultValue: [], help: help)
    }

    /// Takes what `configure` tells.
    mutating func apply(_ options: [String: JSONValue]) {
        func flag(_ name: String, _ current: Bool) -> Bool { options[Self.prefix + name]?.boolValue ?? current }
        func list(_ name: String) -> [String]? {
            options[Self.prefix + name]?.arrayValue.map { $0.compactMap(\.stringValue) }
        }
        matching.ignoresContent = flag("ignore_content", matching.ignoresContent)
        matching.ignoresHost = flag("ignore_host", matching.ignoresHost)
        matching.ignoresPort = flag("ignore_port", matching.ignoresPort)
        matching.ignoredParams = list("ignore_params").map { Set($0) } ?? matching.ignoredParams
        matching.ignoredPayloadParams = list("ignore_payload_params").map { Set($0) } ?? matching.ignoredPayloadParams
        matching.usedHeaders = list("use_headers")?.map { $0.lowercased() } ?? matching.usedHeaders
        limits.apply(options)
        reuses = flag("reuse", reuses)
        refreshes = flag("refresh", refreshes)
        switch options[Self.prefix + "extra"]?.stringValue {
        case nil: break
        case "forward": extra = .forward
        case "kill": extra = .kill
        case let name?: extra = Int(name).map { .status($0) } ?? extra
        }
    }
}
