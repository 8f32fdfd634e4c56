import AddonProtocol
import NIOCore
import Synchronization

/// All addons: their seats in the chain, who occupies them, and what each wants.
final class AddonHost: Sendable {
    /// A seat, and what is known of its addon.
    struct Member {
        let seat: Seat
        /// Who occupies the seat; nil when it is empty.
        var session: AddonSession?
        /// What the daemon starts for the seat; nil for an addon that attached itself.
        var spec: AddonSpec?
        /// The position before any ordering is applied: first by the config, then by arrival.
        var position: Int
        /// The name by which others can ask to come before or after it.
        var registeredName: String
        var order = Registration.Order()
        /// Who occupies the seat, did so last, or will do so.
        var identity: AddonIdentity
        /// What it wants, or wanted when it was last there.
        var terms: AddonTerms
        /// While it starts in a guard's seat: the former terms, which stay binding whatever it has asked for so far.
        var former: AddonTerms?
        /// Whether it has ever registered.
        var hasRegistered = false
        /// Whether it has answered `start` and `configure`.
        var isReady = false
        /// Options that changed while it was starting.
        var missedOptions: Set<String> = []
        /// Whether the listeners may open without it, because its process has ended or it does not take part.
        var isNotAwaited = false
    }

    /// All members of the chain, in order, and what the host waits for.
    struct State {
        var members: [Member] = []
        /// Statistics of addons that have left.
        var former = FormerAddons()
        var positions = 0
        var isClosing = false
        /// The `listeners` of `running`; nil until they are up.
        var listeners: (@Sendable () -> JSONValue)?
        /// Waits for the declared addons to be ready.
        var awaiting: [CheckedContinuation<Void, Never>] = []
        var waitsForNone = false
    }

    private let chain: Published<Chain>
    let options: OptionStore
    let material: Published<OptionMaterial>
    let log: Log
    let flows: FlowTable
    let addonOptions: AddonOptions
    let taps: Taps
    let state = Mutex(State())

    init(
        chain: Published<Chain>,
        flows: FlowTable,
        options: OptionStore,
        material: Published<OptionMaterial>,
        log: Log
    ) {
        self.chain = chain
        self.flows = flows
        self.options = options
        self.material = material
        self.log = log
        addonOptions = AddonOptions(deferred: options.current.deferred)
        taps = Taps(flows: flows, addonOptions: addonOptions)
    }

    var members: [Member] { state.withLock { $0.members } }
    var sessions: [AddonSession] { members.compactMap(\.session) }

    // MARK: Joining and leaving

    /// Admits an addon to the chain. From now on it is sent events, which wait until it has started.
    ///
    /// - Throws: -32602 when its subscriptions or order cannot be satisfied; -32600 when the daemon is stopping.
    func admit(
        _ registration: Registration,
        spec: AddonSpec?,
        pid: Int?,
        uid: UInt32,
        channel: AddonChannel,
        on loop: LoopContext
    )
        throws(ProtocolError) -> AddonSession
    {
        let identity = AddonIdentity(registration, spec, uid: uid)
        return try state.withLock { state throws(ProtocolError) in
            // `renewTerms` covers options that change later.
            let current = options.current
            let rights = AddonRights(identity, spec, current)
            let terms = try AddonTerms(registration, spec, rights, current)
            guard !state.isClosing else {
                throw ProtocolError(code: ProtocolError.invalidRequest, message: "the daemon is stopping")
            }
            var members = state.members
            let index = Self.place(for: registration, spec, identity, in: &members, state.positions + 1, terms)
            let isNew = index >= state.members.count
            members[index].former = isNew ? nil : members[index].guarding?.renewed(spec, rights, current)
            members[index].identity = identity
            members[index].hasRegistered = true
            members[index].registeredName = registration.name
            members[index].order = registration.order
            members[index].terms = terms
            members[index].isReady = false
            members[index].missedOptions = []
            let session = AddonSession(
                in: members[index].seat,
                registration: registration,
                loop: loop,
                channel: channel,
                spec: spec,
                identity: identity,
                pid: pid,
                options: current,
                log: log
            )
            let others = members.compactMap(\.session)
            members[index].session = session
            let sorted = try AddonOrder.sorted(members)
            try Self.check(registration.commands, of: session, among: others)
            try addonOptions.declare(registration.options, by: session)
            state.positions += 1
            session.seat.take(by: session)
            update(&state, sorted)
            return session
        }
    }

    /// The index of the seat for a new registration: its former seat, or a new one.
    private static func place(
        for registration: Registration,
        _ spec: AddonSpec?,
        _ identity: AddonIdentity,
        in members: inout [Member],
        _ position: Int,
        _ terms: AddonTerms
    ) -> Int {
        let pool = if let spec { AddonPool(spawned: spec) } else { AddonPool(attached: registration) }
        if let spec, let index = members.firstIndex(where: { $0.isFree(for: pool) && $0.spec?.name == spec.name }) {
            return index
        }
        let places = members.indices.map { (members[$0].seat.name, $0) }
        let taken = Dictionary(places, uniquingKeysWith: { first, _ in first })
        var name = spec?.name ?? registration.name
        var number = 1
        while let index = taken[name] {
            let member = members[index]
            // Nobody may take the seat of another user's guard.
            let isOwn = identity.isOfDaemonsUser || member.identity.uid == identity.uid
            if spec == nil, member.spec == nil, member.isFree(for: pool), isOwn { return index }
            number += 1
            name = "\(spec?.name ?? registration.name)#\(number)"
        }
        members.append(
            Member(
                seat: Seat(name: name, pool: pool),
                spec: spec,
                position: position,
                registeredName: registration.name,
                identity: identity,
                terms: terms
            )
        )
        return members.count - 1
    }

    /// Handles the end of a connection. The seat stays if the daemon will start the addon again, or if its terms are
    /// binding and it left without goodbye.
    func remove(_ session: AddonSession) {
        let member = state.withLock { state -> Member? in
            session.seat.leave(by: session)
            state.former.add(session.name, session.statistics)
            guard let index = state.members.firstIndex(where: { $0.seat === session.seat }) else { return nil }
            guard state.members[index].session === session else { return state.members[index] }
            state.members[index].session = nil
            state.members[index].isReady = false
            state.members[index].restoreFormer()
            let member = state.members[index]
            let isAwaited = !session.hasSaidGoodbye && !state.isClosing && member.terms.isBinding
            if member.spec != nil || isAwaited {
                chain.change { $0.set(member.termsInForce, in: member.seat) }
                return member
            }
            state.members.remove(at: index)
            chain.change { $0.remove(member.seat) }
            return nil
        }
        if member == nil { session.seat.remove() }
        left(session)
        if let member, member.spec == nil {
            log.warn("left without a goodbye: traffic that it must see waits for it to return", source: session.source)
        }
    }

    /// Cleans up after a session that is no longer in its seat.
    func left(_ session: AddonSession) {
        taps.stop(session)
        flows.watch.stop(session)
        let isLast = session.pool == nil || !sessions.contains { $0 !== session && $0.isOneAddon(with: session) }
        if isLast { addonOptions.withdraw(session) }
        flows.release(session.seat)
    }

    /// Changes the terms of `session`.
    ///
    /// - Returns: the events that are in force now.
    func change(
        _ session: AddonSession,
        _ body: (inout AddonTerms) throws(ProtocolError) -> Void
    )
        throws(ProtocolError) -> [String]
    {
        try state.withLock { state throws(ProtocolError) in
            guard let index = state.members.firstIndex(where: { $0.session === session }) else { return [] }
            var members = state.members
            try body(&members[index].terms)
            update(&state, members)
            return members[index].terms.eventNames
        }
    }

    /// The present rights of a session.
    func rights(of session: AddonMailbox) -> AddonRights {
        AddonRights(session.identity, session.spec, options.current)
    }

    /// The present terms of a session; nil when it is not in a seat.
    func terms(of session: AddonSession) -> AddonTerms? {
        state.withLock { $0.members.first { $0.session === session }?.terms }
    }

    /// Stores the members and publishes the chain that they form.
    func update(_ state: inout State, _ members: [Member]) {
        state.members = members
        let changed = Chain(members.map { ($0.seat, $0.termsInForce) })
        chain.change { $0 = changed }
    }

    /// The mailboxes to send an event to that is not about a flow.
    func observers(of event: Event) -> [AddonMailbox] { chain.current.observers(of: event) }
}

extension AddonHost.Member {
    /// Whether the seat is empty and belongs to this pool.
    func isFree(for pool: AddonPool?) -> Bool { session == nil && seat.pool == pool }

    /// The terms that apply now.
    fileprivate var termsInForce: AddonTerms {
        if session == nil { return terms.whileAbsent }
        return former.map(terms.guarded) ?? terms
    }

    fileprivate var guarding: AddonTerms? { terms.isBinding ? terms : nil }

    /// Restores the former terms when the addon leaves before it is ready.
    fileprivate mutating func restoreFormer() {
        terms = former ?? terms
        former = nil
    }
}
