import AddonProtocol

/// The subscriptions of one addon that are in force, given its rights and the daemon's options.
struct AddonTerms: Sendable {
    /// One subscription as it is in force.
    struct Term: Sendable {
        var mode: Subscription.Mode
        var isNamed: Bool
        var shape: SnapshotShape
        var timeout: ReplyTimeout
        /// How long an event waits for an empty seat, in milliseconds.
        var absenceMilliseconds: Int
        var onFailure: FailurePolicy
        var filter: AddonFilter?
        var mutablePaths: MutablePaths?
    }

    /// What the addon asks for, whether or not it may have it.
    private struct Wishes {
        var timeout: ReplyTimeout?
        var onFailure: FailurePolicy?
        var byEvent: [Event: Subscription] = [:]
    }

    private var wishes: Wishes
    private(set) var byEvent: [Event: Term] = [:]
    /// The timeout of subscriptions that do not set one.
    private let timeout: ReplyTimeout
    /// The timeout for events that need no subscription, which is always finite, in milliseconds.
    let timeoutMilliseconds: Int
    let onFailure: FailurePolicy
    private let maximumTimeout: Int
    private let allowsNoTimeout: Bool
    private let rights: AddonRights

    private init(_ wishes: Wishes, _ spec: AddonSpec?, _ rights: AddonRights, _ options: Options) {
        self.wishes = wishes
        self.rights = rights
        maximumTimeout = options.maxTimeoutMs
        allowsNoTimeout = options.allowNoTimeout
        timeout = spec?.timeoutMs ?? wishes.timeout ?? .milliseconds(options.timeoutMs)
        timeoutMilliseconds = min(timeout.milliseconds ?? .max, options.maxTimeoutMs)
        onFailure = spec?.onFailure ?? wishes.onFailure ?? .open
    }

    /// The terms of a registration, except where the user's configuration decides.
    init(
        _ registration: Registration,
        _ spec: AddonSpec?,
        _ rights: AddonRights,
        _ options: Options
    ) throws(ProtocolError) {
        let wishes = Wishes(timeout: registration.timeoutMilliseconds, onFailure: registration.onFailure)
        self.init(wishes, spec, rights, options)
        try check(timeout, at: "timeout_ms")
        try subscribe(registration.subscriptions)
    }

    /// The terms of an addon that the daemon starts, until it registers. With the policy `closed`, nothing reaches a
    /// server without the addon, but clients still get far enough to be told why they are refused.
    init(declared spec: AddonSpec, _ options: Options) {
        let wordless: [Event] = [.clientconnect, .nextLayer, .tlsClienthello, .socks5Auth]
        let others = Event.allCases.filter { !wordless.contains($0) }
        let wanted = spec.events ?? others.map { Subscription(event: $0, isNamed: false, body: .none) }
        let wishes = Wishes(byEvent: Dictionary(wanted.map { ($0.event, $0) }, uniquingKeysWith: { $1 }))
        self.init(wishes, spec, AddonRights(AddonIdentity(declared: spec), spec, options), options)
        resolve()
    }

    /// The same wishes under the present configuration, rights and options.
    func renewed(_ spec: AddonSpec?, _ rights: AddonRights, _ options: Options) -> AddonTerms {
        var terms = AddonTerms(wishes, spec, rights, options)
        terms.resolve()
        return terms
    }

    /// Adds subscriptions, all or none.
    mutating func subscribe(_ subscriptions: [Subscription]) throws(ProtocolError) {
        for subscription in subscriptions {
            try check(subscription.timeoutMilliseconds, at: "events: timeout_ms of \(subscription.event.rawValue)")
        }
        var changed = byEvent
        for subscription in try rights.limited(subscriptions) {
            changed[subscription.event] = try term(named(subscription))
        }
        byEvent = changed
        for subscription in subscriptions { wishes.byEvent[subscription.event] = named(subscription) }
    }

    /// Removes subscriptions.
    mutating func unsubscribe(_ events: [Event]) {
        for event in events {
            byEvent[event] = nil
            wishes.byEvent[event] = nil
        }
    }

    /// The later of two subscriptions to an event counts, but one by name stays one by name.
    private func named(_ subscription: Subscription) -> Subscription {
        var subscription = subscription
        subscription.isNamed = subscription.isNamed || wishes.byEvent[subscription.event]?.isNamed ?? false
        return subscription
    }

    /// Derives what is in force from what the addon has asked for.
    private mutating func resolve() {
        byEvent = wishes.byEvent.compactMapValues { wish in rights.limited(wish).flatMap { try? term($0) } }
    }

    private func term(_ subscription: Subscription) throws(ProtocolError) -> Term {
        var shape = try SnapshotShape(subscription)
        shape.redaction = rights.redaction
        let timeout = inForce(subscription.timeoutMilliseconds ?? timeout)
        return Term(
            mode: subscription.mode,
            isNamed: subscription.isNamed,
            shape: shape,
            timeout: timeout,
            absenceMilliseconds: timeout.milliseconds ?? maximumTimeout,
            onFailure: subscription.onFailure ?? onFailure,
            filter: try subscription.filter.map { text throws(ProtocolError) in
                try AddonFilter(parsing: text, rights.redaction)
            },
            mutablePaths: rights.mutablePaths
        )
    }

    /// - Throws: -32602 when the timeout is `null` but must not be.
    private func check(_ timeout: ReplyTimeout?, at path: String) throws(ProtocolError) {
        guard timeout == .never, !allowsNoTimeout else { return }
        let allowed = "1 to \(Subscription.maximumTimeoutMilliseconds); null needs the option allow_no_timeout"
        throw .invalidParams(path, found: .null, allowed: allowed)
    }

    /// The timeout in force, which may be shorter than what was allowed earlier.
    private func inForce(_ timeout: ReplyTimeout) -> ReplyTimeout {
        guard let milliseconds = timeout.milliseconds else {
            return allowsNoTimeout ? .never : .milliseconds(maximumTimeout)
        }
        return .milliseconds(min(milliseconds, maximumTimeout))
    }

    /// Whether some events must not pass without the addon.
    var isBinding: Bool { !whileAbsent.byEvent.isEmpty }

    /// The terms while the addon is absent: the events that must not pass without it.
    var whileAbsent: AddonTerms {
        var terms = self
        terms.byEvent = byEvent.filter { event, term in
            event.isRequest && term.mode == .enforce && term.onFailure == .closed
        }
        return terms
    }

    /// The terms while the addon starts in a guard's seat. What `former` guards stays guarded.
    func guarded(by former: AddonTerms) -> AddonTerms {
        var terms = self
        terms.byEvent.merge(former.whileAbsent.byEvent) { $1 }
        return terms
    }

    /// The names of the events in force, in the order of the protocol's table.
    var eventNames: [String] {
        Event.allCases.filter { byEvent[$0] != nil }.map(\.rawValue)
    }
}
