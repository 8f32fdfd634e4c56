import AddonProtocol
import NIOCore

/// Which addons get which events of one loop, in which order. It is immutable; changes of the chain produce a new plan.
final class DispatchPlan: Sendable {
    /// An addon's subscription to one event.
    final class Subscriber: Sendable {
        let seat: Seat
        let shape: SnapshotShape
        let timeout: ReplyTimeout
        /// How long an event waits for an empty seat, in milliseconds.
        let absenceMilliseconds: Int
        let onFailure: FailurePolicy
        let isAudit: Bool
        let isNamed: Bool
        let filter: AddonFilter?
        /// What replies may change; nil means everything.
        let mutablePaths: MutablePaths?
        private let share: AddonShare

        fileprivate init(_ seat: Seat, _ term: AddonTerms.Term, _ share: AddonShare) {
            self.seat = seat
            self.share = share
            shape = term.shape
            timeout = term.timeout
            absenceMilliseconds = term.absenceMilliseconds
            onFailure = term.onFailure
            isAudit = term.mode == .audit
            isNamed = term.isNamed
            filter = term.filter
            mutablePaths = term.mutablePaths
        }

        /// Whether the event must not pass without the addon.
        var isBinding: Bool { onFailure == .closed && !isAudit }

        /// Whether the addon gets the event of this subject; true when the filter cannot decide.
        func wants(_ subject: any EventSubject) -> Bool {
            guard filter != nil, let view = subject.filterView else { return share.contains(subject) }
            return wants(subject, as: view)
        }

        /// The same with a full search, which may take long; the loop continues with other work meanwhile.
        func wants(_ subject: any EventSubject, on loop: LoopContext) async -> Bool {
            guard let filter, let view = subject.filterView else { return share.contains(subject) }
            guard share.contains(subject) else { return false }
            if let answer = filter.matches(view) { return answer }
            return await filter.matches(subject, on: loop) ?? true
        }

        /// The same with another view of the subject.
        fileprivate func wants(_ subject: any EventSubject, as view: some FilterableFlow) -> Bool {
            share.contains(subject) && filter?.matches(view) ?? true
        }

        /// Whether the addon must wait for the body, either to see it or for its filter to decide.
        fileprivate func awaitsBody(of flow: any EventSubject, as view: some FilterableFlow) -> Bool {
            switch shape.body {
            case .full, .preview: wants(flow, as: view)
            case .none: share.contains(flow) && isUndecided(about: view)
            case .stream: false
            }
        }

        /// How many bytes of a streamed body to keep for the addon.
        fileprivate func keptBytes(
            of flow: any EventSubject,
            as view: some FilterableFlow,
            copyLimit: Int,
            isWatching: Bool
        ) -> Int {
            guard wants(flow, as: view) else { return 0 }
            switch shape.body {
            case .preview(let bytes): return isWatching && isUndecided(about: view) ? max(bytes, copyLimit) : bytes
            case .full where isWatching: return copyLimit
            case .full, .none, .stream: return isWatching && isUndecided(about: view) ? copyLimit : 0
            }
        }

        /// Whether a later event may have to show the addon this request, which will have been sent by then.
        fileprivate func keepsRequest(of flow: any EventSubject, as view: some FilterableFlow) -> Bool {
            share.contains(flow) && filter?.willMatch(view) ?? true
        }

        private func isUndecided(about view: some FilterableFlow) -> Bool {
            filter.map { $0.matches(view) == nil } ?? false
        }
    }

    /// The subscribers of one event.
    struct Route: Sendable {
        /// The subscribers that the flow waits for, in chain order.
        var enforcing: [Subscriber] = []
        var observing: [Subscriber] = []
        /// The enforcing subscribers whose replies are applied.
        var deciding: [Subscriber] = []

        fileprivate mutating func add(_ subscriber: Subscriber, isAsked: Bool) {
            guard isAsked else { return observing.append(subscriber) }
            enforcing.append(subscriber)
            if !subscriber.isAudit { deciding.append(subscriber) }
        }

        fileprivate func contains(where isMatch: (Subscriber) -> Bool) -> Bool {
            enforcing.contains(where: isMatch) || observing.contains(where: isMatch)
        }
    }

    private let routes: EventTable<Route?>
    /// The events that have subscribers, one bit each.
    private let heard: UInt64
    /// The subscribers that see a request's body at later events.
    private let keepers: [Subscriber]
    /// Whether there are no addons.
    let isEmpty: Bool

    /// Makes the plan of one loop.
    init(_ chain: Chain, on loop: any EventLoop) {
        var routes = EventTable<Route?>(repeating: nil)
        var keepers: [Subscriber] = []
        for (seat, terms) in chain.places {
            guard let share = AddonShare(of: seat, among: chain.places.lazy.map(\.seat), on: loop) else { continue }
            for (event, term) in terms.byEvent {
                if routes[event] == nil { routes[event] = Route() }
                let subscriber = Subscriber(seat, term, share)
                routes[event]?.add(subscriber, isAsked: term.mode != .observe && event.isRequest)
                if term.shape.keepsRequest { keepers.append(subscriber) }
            }
        }
        self.routes = routes
        heard = Event.allCases.reduce(0) { routes[$1] == nil ? $0 : $0 | Self.bit(of: $1) }
        self.keepers = keepers
        isEmpty = chain.places.isEmpty
    }

    /// The subscribers of an event; nil when there are none.
    subscript(event: Event) -> Route? { isHeard(event) ? routes[event] : nil }

    /// Whether the event has subscribers.
    func isHeard(_ event: Event) -> Bool { heard & Self.bit(of: event) != 0 }

    private static func bit(of event: Event) -> UInt64 { 1 << UInt64(event.ordinal) }

    // MARK: Holding and keeping bodies
    // Each view shows the flow as filters will see it at the event. It is only made when a subscriber is considered.

    /// Whether to hold the body until `event` is over, because an addon may change it or must see it to decide. Addons
    /// that only observe do not count, nor do those whose filter cannot match whatever the body is.
    func holdsBody<View: FilterableFlow>(
        for event: Event,
        of flow: any EventSubject,
        as view: @autoclosure () -> View
    ) -> Bool {
        guard let route = self[event], !route.deciding.isEmpty else { return false }
        let view = view()
        return route.deciding.contains { $0.awaitsBody(of: flow, as: view) }
    }

    /// The addons because of which the body is held until `event` is over.
    func namesOfHolders(of event: Event, _ flow: any EventSubject, as view: some FilterableFlow) -> [String] {
        self[event]?.deciding.filter { $0.awaitsBody(of: flow, as: view) }.map(\.seat.name) ?? []
    }

    /// The addons that decide at `event` by the head alone, so that they need not wait for the body; none if one of
    /// them needs the body.
    func headDeciders<View: FilterableFlow>(
        of event: Event,
        _ flow: any EventSubject,
        as view: @autoclosure () -> View
    ) -> [Subscriber] {
        guard let deciding = self[event]?.deciding, !deciding.isEmpty else { return [] }
        let view = view()
        let areAll = deciding.allSatisfy { $0.wants(flow, as: view) }
        let wanting = areAll ? deciding : deciding.filter { $0.wants(flow, as: view) }
        return wanting.allSatisfy { $0.shape.body == .none } ? wanting : []
    }

    /// Whether a subscriber wants the body of `event` in chunks.
    func streamsBody(for event: Event, of flow: any EventSubject) -> Bool {
        guard let route = self[event] else { return false }
        return route.contains { $0.shape.body == .stream && $0.wants(flow) }
    }

    /// Whether a subscriber may want the next message of a flow.
    func wantsMessage<View: FilterableFlow>(of flow: any EventSubject, as view: @autoclosure () -> View) -> Bool {
        guard let route = self[.websocketMessage] else { return false }
        let view = view()
        return route.contains { $0.wants(flow, as: view) }
    }

    /// Whether the messages of a flow must not pass without some addon.
    func guardsMessages(of flow: any EventSubject) -> Bool {
        self[.websocketMessage]?.enforcing.contains { $0.isBinding && $0.wants(flow) } ?? false
    }

    /// How many bytes of a streamed body to keep for those who get `event` when it has passed.
    ///
    /// - Parameter copyLimit: the most bytes for an observer that wants the whole body.
    func keptBytes<View: FilterableFlow>(
        for event: Event,
        of flow: any EventSubject,
        as view: @autoclosure () -> View,
        copyLimit: Int
    ) -> Int {
        guard let route = self[event] else { return 0 }
        let view = view()
        func bytes(_ subscriber: Subscriber, isWatching: Bool) -> Int {
            subscriber.keptBytes(of: flow, as: view, copyLimit: copyLimit, isWatching: isWatching)
        }
        let ofEnforcing = route.enforcing.lazy.map { bytes($0, isWatching: $0.isAudit) }.max() ?? 0
        return max(ofEnforcing, route.observing.lazy.map { bytes($0, isWatching: true) }.max() ?? 0)
    }

    /// Whether to keep a request's body for later events.
    func keepsRequest<View: FilterableFlow>(of flow: any EventSubject, as view: @autoclosure () -> View) -> Bool {
        guard !keepers.isEmpty else { return false }
        let view = view()
        return keepers.contains { $0.keepsRequest(of: flow, as: view) }
    }

    /// The addon that must see the complete body before it passes: it wants the full body, and its policy is `closed`.
    func guardian(of event: Event, _ flow: any EventSubject) -> String? {
        let content: SnapshotFields =
            event == .request ? SnapshotFields.requestMessage.content : SnapshotFields.responseMessage.content
        return self[event]?.enforcing.first {
            $0.isBinding && $0.shape.body == .full && $0.shape.fields.contains(content)
                && $0.wants(flow)
        }?.seat.name
    }
}
