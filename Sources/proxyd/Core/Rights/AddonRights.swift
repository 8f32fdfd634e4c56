import AddonProtocol

/// What one addon may do, and what is hidden from it.
struct AddonRights: Sendable, Equatable {
    private var groups: Set<Right.Group> = []
    /// Single calls, allowed or not whatever their group is.
    private var calls: [String: Bool] = [:]
    /// Nil: all.
    private var events: Set<Event>?
    /// Nil means everything that a reply may change.
    private(set) var mutablePaths: MutablePaths?
    private(set) var redaction: Redaction?

    /// What the daemon gives to addons that it has started.
    private static let spawned: [Right.Group] = [.events, .mutate, .flowsRead, .flowsWrite]

    /// - Parameter spec: the configuration of an addon that the daemon started.
    init(_ addon: AddonIdentity, _ spec: AddonSpec?, _ options: Options) {
        if addon.isSpawned {
            groups = Set(Self.spawned)
        } else if addon.isOfDaemonsUser {
            for right in options.attachedRights { apply(right) }
        } else {
            groups = [.events]
        }
        for grant in options.grants where Self.holds(grant, for: addon, options) { apply(grant.right) }
        let rules = options.redact.filter { $0.who.matches(addon) }
        redaction = Redaction((spec?.redact ?? []) + rules.map(\.field))
    }

    /// An addon that attaches itself only claims its name. So a name alone grants nothing to processes of other users,
    /// and nothing that is meant for an addon that the daemon starts.
    private static func holds(_ grant: Grant, for addon: AddonIdentity, _ options: Options) -> Bool {
        guard grant.who.matches(addon) else { return false }
        guard case .name(let name) = grant.who, !addon.isSpawned, !grant.right.isTakenAway else { return true }
        return addon.isOfDaemonsUser && !options.starts(name)
    }

    private mutating func apply(_ right: Right) {
        switch right.subject {
        case .group(let group):
            calls = calls.filter { Right.Group.of(call: $0.key) != group }
            if right.isTakenAway { groups.remove(group) } else { groups.insert(group) }
            if group == .events { events = nil }
            if group == .mutate { mutablePaths = nil }
        case .call(let call): calls[call] = !right.isTakenAway
        case .events(let names):
            groups.insert(.events)
            events = Set(names)
        case .mutations(let paths):
            groups.insert(.mutate)
            mutablePaths = MutablePaths(paths)
        }
    }

    // MARK: Queries

    func has(_ group: Right.Group) -> Bool { groups.contains(group) }

    func allow(_ call: String) -> Bool {
        calls[call] ?? Right.Group.of(call: call).map(groups.contains) ?? true
    }

    /// Whether nothing is forbidden or hidden.
    private var areAll: Bool {
        groups.count == Right.Group.allCases.count && calls.values.allSatisfy(\.self)
            && events == nil && mutablePaths == nil && redaction == nil
    }

    /// Options by which an addon could grant itself rights.
    static let givenBy: Set<String> = ["addons", "attached_rights", "grants", "redact"]

    /// - Throws: -32003 when setting the option would grant rights that the addon lacks.
    func check(toSet option: String) throws(ProtocolError) {
        guard Self.givenBy.contains(option) else { return }
        guard allow("options.set") else { throw .noGrant("set \(option)", right: Right.Group.options.rawValue) }
        if option == "addons" {
            if !has(.addons) { throw .noGrant("set addons", right: Right.Group.addons.rawValue) }
        } else if !areAll {
            let reason = "it can grant any right, so setting it takes all rights"
            throw ProtocolError(code: ProtocolError.noGrant, message: "this addon may not set \(option): \(reason)")
        }
    }

    func maySet(_ option: String) -> Bool { (try? check(toSet: option)) != nil }

    func allow(_ event: Event) -> Bool { groups.contains(.events) && events?.contains(event) ?? true }

    /// The subscriptions as the addon may have them: without the right to mutate, it observes. A pattern for all events
    /// skips those that it may not have.
    ///
    /// - Throws: -32003, which names an event that it asked for and may not have.
    func limited(_ subscriptions: [Subscription]) throws(ProtocolError) -> [Subscription] {
        for subscription in subscriptions where subscription.isNamed && !allow(subscription.event) {
            throw .noGrant("subscribe to \(subscription.event.rawValue)", right: "events")
        }
        return subscriptions.compactMap(limited)
    }

    /// The same for one subscription; nil when the addon may not have it.
    func limited(_ subscription: Subscription) -> Subscription? {
        guard allow(subscription.event) else { return nil }
        var subscription = subscription
        if !has(.mutate) { subscription.mode = .observe }
        return subscription
    }
}

extension ProtocolError {
    /// - Parameter action: completes "may not …".
    static func noGrant(_ action: String, right: String) -> ProtocolError {
        ProtocolError(
            code: noGrant,
            message: "this addon may not \(action): that needs the right \(right), which the option grants may give it"
        )
    }
}
