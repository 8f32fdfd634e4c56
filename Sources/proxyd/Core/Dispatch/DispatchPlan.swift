import AddonProtocol
import NIOCore

/// Which addons get which event of one loop, in which order. It is never changed, but made anew once the chain has changed.
final class DispatchPlan: Sendable {
    final class Subscriber: Sendable {
        let seat: Seat
        let shape: SnapshotShape
        let timeout: ReplyTimeout
        /// How long its seat is waited for while nobody sits there.
        let absenceMilliseconds: Int
        let onFailure: FailurePolicy
        let isAudit: Bool
        let isNamed: Bool
        let filter: AddonFilter?
        /// What its replies may change; nil: everything.
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

        /// Whether nothing may pass without the addon.
        var isBinding: Bool { onFailure == .closed && !isAudit }

        /// Whether the event of this subject is for the addon, as far as can be told: in doubt it is.
        func wants(_ subject: any EventSubject) -> Bool {
            guard filter != nil, let view = subject.filterView else { return share.contains(subject) }
            return wants(subject, as: view)
        }

        /// The same, where it may take the time that it takes; meanwhile the loop goes on with other things.
        func wants(_ subject: any EventSubject, on loop: LoopContext) async -> Bool {
            guard let filter, let view = subject.filterView else { return share.contains(subject) }
            guard share.contains(subject) else { return false }
            if let answer = filter.matches(view) { return answer }
            return await filter.matches(subject, on: loop) ?? true
        }

        /// The same, with another view of the subject.
        fileprivate func wants(_ subject: any EventSubject, as view: some FilterableFlow) -> Bool {
            share.contains(subject) && filter?.matches(view) ?? true
        }

        /// Whether the addon cannot be asked before the body is there: it wants to see it, or its filter looks at it.
        fileprivate func awaitsBody(of flow: any EventSubject, as view: some FilterableFlow) -> Bool {
            switch shape.body {
            case .full, .preview: wants(flow, as: view)
            case .none: share.contains(flow) && isUndecided(about: view)
            case .stream: false
            }
        }

        /// How many bytes of a body that has passed are to be shown to the addon.
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

        /// Whether the addon may want to see the request at a later event, when it will have gone by.
        fileprivate func keepsRequest(of flow: any EventSubject, as view: some FilterableFlow) -> Bool {
            share.contains(flow) && filter?.willMatch(view) ?? true
        }

        private func isUndecided(about view: some FilterableFlow) -> Bool {
            filter.map { $0.matches(view) == nil } ?? false
        }
    }

    struct Route: Sendable {
        /// Those that the flow waits for, in the order of the chain.
        var enforcing: [Subscriber] = []
        var observing: [Subscriber] = []
        /// Those of the enforcing whose replies count.
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
    /// The events that anybody gets, a bit for each.
    private let heard: UInt64
    /// Those that are shown a request's body at an event that comes after it.
    private let keepers: [Subscriber]
    /// Whether there are no addons.
    let isEmpty: Bool

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

    subscript(event: Event) -> Route? { isHeard(event) ? routes[event] : nil }

    /// Whether anybody gets the event.
    func isHeard(_ event: Event) -> Bool { heard & Self.bit(of: event) != 0 }

    private static func bit(of event: Event) -> UInt64 { 1 << UInt64(event.ordinal) }

    // MARK: What is to be kept for whom
    // Each view is of the flow as filters will see it at the event; it is made only where somebody is asked about it.

    /// Whether the body has to be held until `event` is over: an addon may change it, or has to see it to decide. An addon
    /// whose filter cannot match, whatever the body turns out to be, has no say; nor has one that only watches.
    func holdsBody<View: FilterableFlow>(
        for event: Event,
        of flow: any EventSubject,
        as view: @autoclosure () -> View
    ) -> Bool {
        guard let route = self[event], !route.deciding.isEmpty else { return false }
        let view = view()
        return route.deciding.contains { $0.awaitsBody(of: flow, as: view) }
    }

    /// The addons that would have the body held until `event` is over.
    func namesOfHolders(of event: Event, _ flow: any EventSubject, as view: some FilterableFlow) -> [String] {
        self[event]?.deciding.filter { $0.awaitsBody(of: flow, as: view) }.map(\.seat.name) ?? []
    }

    /// The addons that decide at `event` by the head alone, so that it need not wait for the body; none if one of them
    /// has a use for the body.
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

    /// Whether somebody wants the body of `event` chunk by chunk.
    func streamsBody(for event: Event, of flow: any EventSubject) -> Bool {
        guard let route = self[event] else { return false }
        return route.contains { $0.shape.body == .stream && $0.wants(flow) }
    }

    /// Whether somebody may want the next message of a flow.
    func wantsMessage<View: FilterableFlow>(of flow: any EventSubject, as view: @autoclosure () -> View) -> Bool {
        guard let route = self[.websocketMessage] else { return false }
        let view = view()
        return route.contains { $0.wants(flow, as: view) }
    }

    /// Whether no message of a flow may pass without some addon.
    func guardsMessages(of flow: any EventSubject) -> Bool {
        self[.websocketMessage]?.enforcing.contains { $0.isBinding && $0.wants(flow) } ?? false
    }

    /// How much of a body that is passed on has to be kept for those who get `event` when it has passed, in bytes.
    ///
    /// - Parameter copyLimit: the most for one that watches and wants the body whole.
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

    /// Whether a request's body is to be kept for events that come after it.
    func keepsRequest<View: FilterableFlow>(of flow: any EventSubject, as view: @autoclosure () -> View) -> Bool {
        guard !keepers.isEmpty else { return false }
        let view = view()
        return keepers.contains { $0.keepsRequest(of: flow, as: view) }
    }

    /// The addon that lets nothing pass which it has not seen whole: it wants the full body, and is `closed`.
    func guardian(of event: Event, _ flow: any EventSubject) -> String? {
        let content: SnapshotFields =
            event == .request ? SnapshotFields.requestMessage.content : SnapshotFields.responseMessage.content
        return self[event]?.enforcing.first {
            $0.isBinding && $0.shape.body == .full && $0.shape.fields.contains(content)
                && $0.wants(flow)
        }?.seat.name
    }
}
