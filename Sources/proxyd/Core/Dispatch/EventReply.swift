import AddonProtocol

/// How one addon answered one event.
enum EventReply: Sendable {
    case result(ReplyResult)
    case failure(AddonFailure)
    /// The daemon stopped waiting: the flow is gone.
    case interrupted(FlowError)
}

enum ReplyResult: Sendable {
    case json(JSONValue)
    /// It sets header fields, and does nothing else.
    case headers(HeaderEdits)

    var json: JSONValue {
        switch self {
        case .json(let value): value
        case .headers(let edits): edits.json
        }
    }
}

/// An addon that did not do its part (protocol section 6.2).
enum AddonFailure: Error, Sendable, CustomStringConvertible {
    case timeout(ReplyTimeout)
    case error(ProtocolError)
    case unreadable(String)
    case lost
    case queueFull(limit: Int, bytes: Int)
    case suspended
    /// There is no memory to show it the event.
    case noMemory
    /// Nobody sits in its seat; with the seat's state.
    case absent(String)

    var description: String {
        switch self {
        case .timeout(let timeout): "no reply within \(timeout.milliseconds ?? 0) ms"
        case .error(let error): "error reply: \(error.message) (\(error.code))"
        case .unreadable(let reason): "unreadable reply: \(reason)"
        case .lost: "connection lost"
        case .queueFull(let limit, let bytes):
            "more than max_queue, \(limit), events wait for it, or more than max_queue_bytes, \(bytes) bytes"
        case .suspended: "suspended after repeated failures"
        case .noMemory: "there is no memory for what it is to be shown (memory_limit)"
        case .absent(let state): "not there (\(state))"
        }
    }

    /// That of the flow's error when the addon's policy is `closed`.
    var errorKind: FlowError.Kind {
        if case .noMemory = self { .memoryLimit } else { .addonFailed }
    }

    /// What the client is answered when the addon's policy is `closed`.
    var status: Int {
        switch self {
        case .timeout: 504
        case .error, .unreadable, .lost, .queueFull: 502
        case .suspended, .absent, .noMemory: 503
        }
    }
}

/// A reply taken apart: what it does beside the patch, and the patch by argument.
struct ReplyAction {
    enum Kind: String, CaseIterable {
        case goOn = "continue"
        case kill
        case hold
    }

    var kind = Kind.goOn
    var stops = false
    var patches: [JSONValue.Member] = []

    init() {}

    init(_ reply: JSONValue) throws(PatchRefusal) {
        if reply.isNull { return }
        let members = try reply.object(at: "reply")
        // Mostly there is nothing beside one patch.
        if members.count == 1, members[0].name == "flow" {
            patches = members
            return
        }
        for member in members {
            switch member.name {
            case "action": kind = try Self.kind(member.value)
            case "stop": stops = try member.value.bool(at: "stop")
            case "_meta": break
            default: patches.append(member)
            }
        }
    }

    /// At most one argument of an event may change: what may not is refused before that one is.
    func patches(inOrderOf subject: any EventSubject) -> [JSONValue.Member] {
        guard patches.count > 1 else { return patches }
        return patches.sorted { !subject.mayChange($0.name) && subject.mayChange($1.name) }
    }

    private static func kind(_ action: JSONValue) throws(PatchRefusal) -> Kind {
        guard let kind = action.stringValue.flatMap(Kind.init) else {
            let allowed = Kind.allCases.map { "\"\($0.rawValue)\"" }.joined(separator: ", ")
            throw PatchRefusal("action", "found \(action.shortText); allowed: \(allowed)")
        }
        return kind
    }
}

extension MutablePaths {
    func check(_ action: ReplyAction) throws(PatchRefusal) {
        if action.kind != .goOn { try check("action") }
        if action.stops { try check("stop") }
    }
}
