extension Subscription {
    /// The element of `events` that reads back as this subscription.
    public var json: JSONValue {
        var members: [JSONValue.Member] = [.init("event", .string(event.rawValue))]
        if mode != .enforce { members.append(.init("mode", .string(mode.rawValue))) }
        switch body {
        case .full: break
        case .none: members.append(.init("body", "none"))
        case .stream: members.append(.init("body", "stream"))
        case .preview(let size): members.append(.init("body", ["preview": .integer(size)]))
        }
        if decode { members.append(.init("decode", true)) }
        if !keep.isEmpty { members.append(.init("keep", .array(keep.map { .string($0.rawValue) }))) }
        if !include.isEmpty { members.append(.init("include", .array(include.map { .string($0) }))) }
        if !exclude.isEmpty { members.append(.init("exclude", .array(exclude.map { .string($0) }))) }
        if let timeoutMilliseconds { members.append(.init("timeout_ms", timeoutMilliseconds.json)) }
        if let filter { members.append(.init("filter", .string(filter))) }
        if let onFailure { members.append(.init("on_failure", .string(onFailure.rawValue))) }
        return .object(members)
    }
}

extension Registration.Order {
    /// The `order` that reads back as this one.
    public var json: JSONValue {
        [
            "after": .array(after.map { .string($0) }), "before": .array(before.map { .string($0) }),
            "priority": .integer(priority),
        ]
    }
}
