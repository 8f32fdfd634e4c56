import AddonProtocol
import ProxyCore

/// The answer to `initialize`, as a daemon would give it.
enum Welcome {
    /// - Parameters:
    ///   - options: the daemon's options, {name: value}; the addon's own are added with their defaults.
    static func result(to registration: Registration, options: JSONValue = builtInOptions) -> JSONValue {
        let events = registration.subscriptions.map { JSONValue.string($0.event.rawValue) }
        return [
            "protocol": .integer(Registration.protocolVersion),
            "addon": .string(registration.name),
            "server": ["name": "proxyd", "version": .string(proxydVersion)],
            "session": "tool",
            "events": .array(events),
            "options": self.options(options, of: registration),
            "limits": [
                "frame_bytes": .integer(FrameDecoder.defaultMaximumFrameBytes), "depth": 64, "calls": 1024,
                "queue": 1024,
                "in_flight": .integer(registration.maxInFlight ?? 64), "timeout_ms": 60_000,
            ],
            "capabilities": [:],
        ]
    }

    /// The params of the first `configure`, with every option.
    static func configuration(of registration: Registration, options: JSONValue = builtInOptions) -> JSONValue {
        let options = self.options(options, of: registration)
        return ["options": options, "updated": .array((options.members ?? []).map { .string($0.name) })]
    }

    private static func options(_ options: JSONValue, of registration: Registration) -> JSONValue {
        let known = options.members ?? []
        let own = registration.options.filter { option in !known.contains { $0.name == option.name } }
        return .object(known + own.map { .init($0.name, $0.defaultValue) })
    }

    static let builtInOptions = JSONValue.object(
        OptionCatalogue.builtIn.definitions.map { .init($0.name, $0.defaultValue) }
    )
}
