import AddonProtocol

/// Which addons get which event, in which order; made anew at each change of a subscription, and never changed.
final class DispatchPlan: Sendable {
    struct Subscriber: Sendable {
        let session: AddonSession
        let shape: SnapshotShape
        let timeoutMilliseconds: Int
        let onFailure: FailurePolicy
    }

    struct Route: Sendable {
        /// In the order of the chain.
        var enforcing: [Subscriber] = []
        var observing: [Subscriber] = []
    }

    private let routes: [Event: Route]

    static let empty = DispatchPlan(routes: [:])

    private init(routes: [Event: Route]) {
        self.routes = routes
    }

    /// - Parameters:
    ///   - members: the addons in the order of the chain, with what each wants.
    convenience init(_ members: [(session: AddonSession, terms: AddonTerms)]) {
        var routes: [Event: Route] = [:]
        for (session, terms) in members {
            for (event, term) in terms.byEvent {
                let subscriber = Subscriber(
                    session: session,
                    shape: term.shape,
                    timeoutMilliseconds: term.timeoutMilliseconds,
                    onFailure: term.onFailure
                )
                if term.mode == .enforce, event.isRequest {
                    routes[event, default: Route()].enforcing.append(subscriber)
                } else {
                    routes[event, default: Route()].observing.append(subscriber)
                }
            }
        }
        self.init(routes: routes)
    }

    subscript(event: Event) -> Route? { routes[event] }

    /// Whether the body has to be held until `event` is over: when an addon may change it, or wants to see it.
    func holdsBody(for event: Event) -> Bool {
        guard let route = routes[event] else { return false }
        return route.enforcing.contains { $0.shape.body != .stream }
            || route.observing.contains { $0.shape.body != .none && $0.shape.body != .stream }
    }

    /// Whether somebody wants the body of `event` chunk by chunk.
    func streamsBody(for event: Event) -> Bool {
        guard let route = routes[event] else { return false }
        return (route.enforcing + route.observing).contains { $0.shape.body == .stream }
    }

    /// How much of a body that is passed on has to be kept for the previews of `event`, in bytes.
    func previewBytes(for event: Event) -> Int {
        guard let route = routes[event] else { return 0 }
        return (route.enforcing + route.observing).reduce(0) { most, subscriber in
            if case .preview(let bytes) = subscriber.shape.body { max(most, bytes) } else { most }
        }
    }

    /// The addon that lets nothing pass which it has not seen whole: it wants the full body, and is `closed`.
    func guardian(of event: Event) -> String? {
        let content: SnapshotFields =
            event == .request ? SnapshotFields.requestMessage.content : SnapshotFields.responseMessage.content
        return routes[event]?.enforcing.first {
            $0.onFailure == .closed && $0.shape.body == .full && $0.shape.fields.contains(content)
        }?.session.name
    }
}

/// What one addon wants, resolved against the daemon's options: the subscriptions in force.
struct AddonTerms: Sendable {
    struct Term: Sendable {
        var mode: Subscription.Mode
        var shape: SnapshotShape
        var timeoutMilliseconds: Int
        var onFailure: FailurePolicy
    }

    private(set) var byEvent: [Event: Term] = [:]
    /// For events that need no subscription.
    let timeoutMilliseconds: Int
    let onFailure: FailurePolicy
    private let maximumTimeout: Int

    init(timeoutMilliseconds: Int, onFailure: FailurePolicy, maximumTimeout: Int) {
        self.timeoutMilliseconds = min(timeoutMilliseconds, maximumTimeout)
        self.onFailure = onFailure
        self.maximumTimeout = maximumTimeout
    }

    mutating func subscribe(_ subscriptions: [Subscription]) throws(ProtocolError) {
        var changed = byEvent
        for subscription in subscriptions {
            changed[subscription.event] = Term(
                mode: subscription.mode,
                shape: try SnapshotShape(subscription),
                timeoutMilliseconds: min(subscription.timeoutMilliseconds ?? timeoutMilliseconds, maximumTimeout),
                onFailure: subscription.onFailure ?? onFailure
            )
        }
        byEvent = changed
    }

    mutating func unsubscribe(_ events: [Event]) {
        for event in events { byEvent[event] = nil }
    }

    /// The names of the events in force, in the order of the protocol's table.
    var eventNames: [String] {
        Event.allCases.filter { byEvent[$0] != nil }.map(\.rawValue)
    }
}
