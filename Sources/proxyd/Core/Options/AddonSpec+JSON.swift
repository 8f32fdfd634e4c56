import AddonProtocol

/// The form in the config file and in `options.get`: `{NAME: COMMAND}` or
/// `{NAME: {command, on_failure?, timeout_ms?, processes?, events?}}`.
extension AddonSpec {
    static let allowed = """
        a mapping of NAME (letters, digits, '.', '_', '-') to COMMAND, or to {command: COMMAND, \
        on_failure: open|closed, timeout_ms: 1 to 3600000, processes: 1 to \(processLimit), events: [EVENT …]}
        """

    static func decodeAll(_ json: JSONValue) -> [AddonSpec]? {
        guard let members = json.members else { return json.isNull ? [] : nil }
        let specs = members.compactMap { AddonSpec(name: $0.name, json: $0.value) }
        return specs.count == members.count ? specs : nil
    }

    /// The first addon of a refused mapping that is at fault.
    static func culprit(in json: JSONValue) -> JSONValue {
        let culprit = json.members?.first { AddonSpec(name: $0.name, json: $0.value) == nil }
        return culprit.map { .object([$0]) } ?? json
    }

    static func encodeAll(_ specs: [AddonSpec]) -> JSONValue {
        .object(specs.map { JSONValue.Member($0.name, $0.json) })
    }

    private init?(name: String, json: JSONValue) {
        guard Self.isName(name), let command = json.stringValue ?? json["command"]?.stringValue else { return nil }
        guard Self.isCommand(command), Self.hasOnlyKnownKeys(json) else { return nil }
        self.init(name: name, command: command)
        if let value = json["on_failure"] {
            guard let policy = value.stringValue.flatMap(FailurePolicy.init) else { return nil }
            onFailure = policy
        }
        if let value = json["timeout_ms"] {
            guard let timeout = value.intValue, (1...3_600_000).contains(timeout) else { return nil }
            timeoutMs = timeout
        }
        if let value = json["events"] {
            guard let subscriptions = try? Subscription.parse(value) else { return nil }
            events = subscriptions
            givenEvents = value
        }
        if let value = json["processes"] {
            guard let count = value.intValue, Self.isProcessCount(count) else { return nil }
            processes = count
        }
    }

    private static func hasOnlyKnownKeys(_ json: JSONValue) -> Bool {
        let known = ["command", "on_failure", "timeout_ms", "processes", "events"]
        return (json.members ?? []).allSatisfy { known.contains($0.name) }
    }

    private var json: JSONValue {
        var members = [JSONValue.Member("command", .string(command))]
        if let onFailure { members.append(JSONValue.Member("on_failure", .string(onFailure.rawValue))) }
        if let timeoutMs { members.append(JSONValue.Member("timeout_ms", .integer(timeoutMs))) }
        if let givenEvents { members.append(JSONValue.Member("events", givenEvents)) }
        if processes > 1 { members.append(JSONValue.Member("processes", .integer(processes))) }
        return .object(members)
    }
}
