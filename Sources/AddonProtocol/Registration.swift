/// What an addon says about itself in the params of `initialize`.
public struct Registration: Sendable, Equatable {
    /// Where the addon belongs in the chain.
    public struct Order: Sendable, Equatable {
        /// Names of addons that come before it.
        public var after: [String] = []
        /// Names of addons that come after it.
        public var before: [String] = []
        /// Higher priorities come first.
        public var priority = 0

        /// Creates an order without constraints.
        public init() {}
    }

    /// The version of the protocol that this module implements.
    public static let protocolVersion = 1
    /// The longest name, in Unicode scalars.
    public static let maximumNameCharacters = 128
    /// The largest absolute value of a priority.
    public static let maximumPriority = 1_000_000
    /// The largest `max_in_flight`.
    public static let maximumInFlight = 65_536

    /// The name that the addon gives itself.
    public var name: String
    /// The addon's own version.
    public var version: String?
    /// The protocol versions that the addon supports.
    public var protocolVersions: [Int]
    /// The token of an addon that the daemon started.
    public var token: String?
    /// The events that the addon wants.
    public var subscriptions: [Subscription]
    /// Where the addon belongs in the chain.
    public var order: Order
    /// The failure policy; nil means the daemon's option.
    public var onFailure: FailurePolicy?
    /// The reply timeout; nil means the daemon's option.
    public var timeoutMilliseconds: ReplyTimeout?
    /// How many events the addon handles at the same time; nil means the daemon's option.
    public var maxInFlight: Int?
    /// Whether the connection is one of several of the same addon, which share its traffic.
    public var isPooled: Bool
    /// Why the addon does not want to take part; nil when it does.
    public var disable: String?
    /// The options that the addon declares.
    public var options: [DeclaredOption]
    /// The commands that the addon declares.
    public var commands: [DeclaredCommand]
    /// The names of the addon's capabilities.
    public var capabilities: [String]

    /// - Throws: -32602, which names the field, what was found, and what is allowed.
    public init(params: JSONValue) throws(ProtocolError) {
        guard params.members != nil else { throw .invalidParams("params", found: params, allowed: "an object") }
        let reader = ParamsReader(params)
        name = try Self.name(reader)
        version = try reader.string("version")
        protocolVersions = try Self.protocolVersions(reader)
        token = try reader.string("token")
        subscriptions = try reader["events"].map(Subscription.parse) ?? []
        order = try Order(reader.object("order"))
        onFailure = try reader.choice("on_failure")
        timeoutMilliseconds = try reader.timeout()
        maxInFlight = try reader.integer("max_in_flight", in: 1...Self.maximumInFlight)
        isPooled = try reader.bool("pool") ?? false
        disable = try reader.string("disable")
        capabilities = try Self.capabilities(reader)
        options = try DeclaredOption.parse(reader["options"])
        commands = try DeclaredCommand.parse(reader["commands"])
    }

    private static func name(_ reader: ParamsReader) throws(ProtocolError) -> String {
        let allowed = "1 to \(maximumNameCharacters) printable characters"
        guard let name = try reader.string("name") else { throw reader.invalid("name", allowed: allowed) }
        let isPrintable = name.unicodeScalars.allSatisfy { scalar in
            switch scalar.properties.generalCategory {
            case .control, .format, .lineSeparator, .paragraphSeparator, .surrogate, .privateUse, .unassigned: false
            default: true
            }
        }
        guard (1...maximumNameCharacters).contains(name.unicodeScalars.count), isPrintable else {
            throw reader.invalid("name", allowed: allowed)
        }
        return name
    }

    private static func protocolVersions(_ reader: ParamsReader) throws(ProtocolError) -> [Int] {
        guard let given = reader["protocol"] else { return [protocolVersion] }
        let versions = given.arrayValue?.compactMap(\.intValue) ?? []
        guard versions.contains(protocolVersion), versions.count == given.arrayValue?.count else {
            throw reader.invalid("protocol", allowed: "a list of integers that includes \(protocolVersion)")
        }
        return versions
    }

    private static func capabilities(_ reader: ParamsReader) throws(ProtocolError) -> [String] {
        let members = try reader.object("capabilities").object.members ?? []
        return members.filter { $0.value == true }.map(\.name)
    }
}

extension Registration.Order {
    init(_ reader: ParamsReader) throws(ProtocolError) {
        after = try reader.strings("after")
        before = try reader.strings("before")
        let limit = Registration.maximumPriority
        priority = try reader.integer("priority", in: -limit...limit) ?? 0
    }
}
