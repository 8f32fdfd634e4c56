import AddonProtocol

/// What one addon wants, resolved against its rights and the daemon's options: the subscriptions in force.
struct AddonTerms: Sendable {
    struct Term: Sendable {
        var mode: Subscription.Mode
        var isNamed: Bool
        var shape: SnapshotShape
        var timeout: ReplyTimeout
        /// How long its seat is waited for while nobody sits there.
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
    /// Where a subscription asks for no other.
    private let timeout: ReplyTimeout
    /// For events that need no subscription: they always have an end.
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

    /// What the registration asks for, as far as the daemon's user did not decide it.
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

    /// What an addon wants that the daemon starts, before it has said so itself. If its policy is `closed`, nothing reaches
    /// a server without it; but a client that is to be refused is let in so far that it can be told why.
    init(declared spec: AddonSpec, _ options: Options) {
        let wordless: [Event] = [.clientconnect, .nextLayer, .tlsClienthello, .socks5Auth]
        let others = Event.allCases.filter { !wordless.contains($0) }
        let wanted = spec.events ?? others.map { Subscription(event: $0, isNamed: false, body: .none) }
        let wishes = Wishes(byEvent: Dictionary(wanted.map { ($0.event, $0) }, uniquingKeysWith: { $1 }))
        self.init(wishes, spec, AddonRights(AddonIdentity(declared: spec), spec, options), options)
        resolve()
    }

    /// The same wishes under what now is decided by others.
    func renewed(_ spec: AddonSpec?, _ rights: AddonRights, _ options: Options) -> AddonTerms {
        var terms = AddonTerms(wishes, spec, rights, options)
        terms.resolve()
        return terms
    }

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

    mutating func unsubscribe(_ events: [Event]) {
        for event in events {
            byEvent[event] = nil
            wishes.byEvent[event] = nil
        }
    }

    /// Of two subscriptions to one event the later counts, but it stays one by name.
    private func named(_ subscription: Subscription) -> Subscription {
        var subscription = subscription
        subscription.isNamed = subscription.isNamed || wishes.byEvent[subscription.event]?.isNamed ?? false
        return subscription
    }

    /// What has been asked for, as far as it may be had.
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

    /// - Throws: -32602 for no timeout, where that is not allowed.
    private func check(_ timeout: ReplyTimeout?, at path: String) throws(ProtocolError) {
        guard timeout == .never, !allowsNoTimeout else { return }
        let allowed = "1 to \(Subscription.maximumTimeoutMilliseconds); null needs the option allow_no_timeout"
        throw .invalidParams(path, found: .null, allowed: allowed)
    }

    /// What counts of what was asked for, where that was allowed once and is not any more.
    private func inForce(_ timeout: ReplyTimeout) -> ReplyTimeout {
        guard let milliseconds = timeout.milliseconds else {
            return allowsNoTimeout ? .never : .milliseconds(maximumTimeout)
        }
        return .milliseconds(min(milliseconds, maximumTimeout))
    }

    /// Whether something must not pass without the addon.
    var isBinding: Bool { !whileAbsent.byEvent.isEmpty }

    /// What counts while the addon is not there: what it lets nothing pass without.
    var whileAbsent: AddonTerms {
        var terms = self
        terms.byEvent = byEvent.filter { event, term in
            event.isRequest && term.mode == .enforce && term.onFailure == .closed
        }
        return terms
    }

    /// What counts while the addon starts in the seat of a guard: nothing passes that `former` let nothing pass.
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
