import AddonProtocol

/// The options of server replay, with mitmproxy's names, defaults and meanings.
struct ReplayOptions: Sendable, Equatable {
    /// What happens to requests without a recorded response, or without one left.
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
        flag("ignore_content", false, "Whether to ignore bodies when matching requests."),
        flag("ignore_host", false, "Whether to ignore the host when matching requests."),
        flag("ignore_port", false, "Whether to ignore the port when matching requests."),
        list("ignore_params", "Query parameters to ignore when matching requests."),
        list(
            "ignore_payload_params",
            "Parameters of forms in the body (application/x-www-form-urlencoded or multipart/form-data) to ignore when matching requests."
        ),
        list("use_headers", "Header fields of the request that must match too."),
        flag("reuse", false, "Whether to serve a recorded response repeatedly, not just once."),
        flag("refresh", true, "Whether Date, Expires, Last-Modified and the expiry of cookies are moved to now."),
        DeclaredOption(
            name: prefix + "extra",
            kind: .string,
            defaultValue: "forward",
            help: """
                What happens to a request without a recorded response, or without one left: it is forwarded to its server, its connection is \
                closed, or it is answered with this status.
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

    /// Applies the options that `configure` reports.
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
