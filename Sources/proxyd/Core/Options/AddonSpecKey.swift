import AddonProtocol
import ProxyCodecs

/// One key of an addon's entry in the config file.
struct AddonSpecKey: Sendable {
    let name: String
    /// Completes "allowed is …".
    let allowed: String
    /// Stores the value in the spec; returns false when it is not allowed.
    let read: @Sendable (JSONValue, inout AddonSpec) -> Bool
    /// Returns nil to omit the key.
    let write: @Sendable (AddonSpec) -> JSONValue?

    static let all = [command, onFailure, timeout, processes, events, user, cwd, env, inheritEnv, limits, redact]

    /// The error for an unknown key.
    static func unknown(_ name: String) -> String {
        let near = nearestNames(to: name, among: all.map(\.name))
        let hint = near.isEmpty ? "allowed are \(all.map(\.name).joined(separator: ", "))" : "did you mean \(near[0])?"
        return "there is no key \(JSONValue.string(name).shortText); \(hint)"
    }

    private static let command = AddonSpecKey(name: "command", allowed: "a command for /bin/sh") { json, spec in
        guard let command = json.stringValue, AddonSpec.isCommand(command) else { return false }
        spec.command = command
        return true
    } write: {
        .string($0.command)
    }

    private static let onFailure = AddonSpecKey(name: "on_failure", allowed: "open or closed") { json, spec in
        guard let policy = json.stringValue.flatMap(FailurePolicy.init) else { return false }
        spec.onFailure = policy
        return true
    } write: {
        $0.onFailure.map { .string($0.rawValue) }
    }

    private static let timeout = AddonSpecKey(name: "timeout_ms", allowed: "1 to 3600000, or null") { json, spec in
        guard !json.isNull else {
            spec.timeoutMs = .never
            return true
        }
        guard let timeout = json.intValue, (1...3_600_000).contains(timeout) else { return false }
        spec.timeoutMs = .milliseconds(timeout)
        return true
    } write: {
        $0.timeoutMs.map(\.json)
    }

    private static let processes = AddonSpecKey(name: "processes", allowed: "1 to \(AddonSpec.processLimit)") {
        json,
        spec in
        guard let count = json.intValue, AddonSpec.isProcessCount(count) else { return false }
        spec.processes = count
        return true
    } write: {
        $0.processes > 1 ? .integer($0.processes) : nil
    }

    private static let events = AddonSpecKey(name: "events", allowed: "a list of subscriptions") { json, spec in
        guard let subscriptions = try? Subscription.parse(json) else { return false }
        (spec.events, spec.givenEvents) = (subscriptions, json)
        return true
    } write: {
        $0.givenEvents
    }

    // MARK: The process

    private static let user = AddonSpecKey(name: "user", allowed: "the name or number of a user") { json, spec in
        guard let user = json.stringValue ?? json.intValue.map({ String($0) }), !user.isEmpty, !user.contains("\0")
        else {
            return false
        }
        spec.user = user
        return true
    } write: {
        $0.user.map { .string($0) }
    }

    private static let cwd = AddonSpecKey(name: "cwd", allowed: "an absolute path, or ~/PATH") { json, spec in
        guard let text = json.stringValue, ["/", "~"].contains(text.first), !text.contains("\0") else { return false }
        spec.cwd = UserPath(text)
        return true
    } write: {
        $0.cwd.map { .string($0.text) }
    }

    private static let env = AddonSpecKey(name: "env", allowed: "a mapping of names to texts") { json, spec in
        guard let members = json.members else { return false }
        var variables: [String: String] = [:]
        for member in members {
            let value = member.value.stringValue ?? (member.value.isScalar ? member.value.text : nil)
            guard let value, !value.contains("\0"), !member.name.isEmpty,
                !member.name.contains(where: { "=\0".contains($0) })
            else { return false }
            variables[member.name] = value
        }
        spec.environment = variables
        return true
    } write: {
        let variables = $0.environment.sorted { $0.key < $1.key }
        return variables.isEmpty ? nil : .object(variables.map { .init($0.key, .string($0.value)) })
    }

    private static let inheritEnv = AddonSpecKey(name: "inherit_env", allowed: "true or false") { json, spec in
        guard let inherits = json.boolValue else { return false }
        spec.inheritsEnvironment = inherits
        return true
    } write: {
        $0.inheritsEnvironment ? nil : false
    }

    private static let limits = AddonSpecKey(name: "limits", allowed: AddonSpec.ResourceLimits.allowed) { json, spec in
        guard let limits = AddonSpec.ResourceLimits(json) else { return false }
        spec.limits = limits
        return true
    } write: {
        $0.limits.json
    }

    // MARK: Visible data

    private static let redact = AddonSpecKey(name: "redact", allowed: "a list of names of header fields") {
        json,
        spec in
        let elements = json.arrayValue ?? [json]
        let names = elements.compactMap(\.stringValue).filter { HTTPSyntax.isToken(Array($0.utf8)) }
        guard names.count == elements.count else { return false }
        spec.redact = names
        return true
    } write: {
        $0.redact.isEmpty ? nil : .array($0.redact.map { .string($0) })
    }
}

extension JSONValue {
    fileprivate var isScalar: Bool { boolValue != nil || doubleValue != nil || intValue != nil }
}
