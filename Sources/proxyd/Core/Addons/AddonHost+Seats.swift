import AddonProtocol
import Synchronization

/// The seats of addons that the daemon starts, and how seats follow changes of options.
extension AddonHost {
    /// Orders the addons that the daemon starts as they are listed, before all that attach themselves.
    ///
    /// - Parameter new: the addons whose entries are new or changed. Their processes get seats, or keep them with the
    ///   terms of the new entry.
    /// - Returns: the seats that the entries no longer need.
    func declare(_ specs: [AddonSpec], new: [AddonSpec]) -> [Seat] {
        state.withLock { state in
            let instances = specs.flatMap(\.instances)
            var (members, left) = (state.members, [Seat]())
            for (index, instance) in instances.enumerated() {
                let position = index - instances.count
                if new.contains(where: { instance.belongs(to: $0.name) }) {
                    if let seat = place(instance, at: position, in: &members) { left.append(seat) }
                } else if let index = members.firstIndex(where: { $0.spec?.name == instance.name }) {
                    members[index].position = position
                }
            }
            update(&state, (try? AddonOrder.sorted(members)) ?? members)
            let others = members.filter { member in !instances.contains { $0.name == member.spec?.name } }
            let unused = others.filter { member in new.contains { member.spec?.belongs(to: $0.name) ?? false } }
            return left + unused.map(\.seat)
        }
    }

    /// Creates the seats of another addon that the daemon starts, at the end of the chain.
    func declare(_ spec: AddonSpec) {
        state.withLock { state in
            var members = state.members
            for instance in spec.instances {
                state.positions += 1
                _ = place(instance, at: state.positions, in: &members)
            }
            update(&state, (try? AddonOrder.sorted(members)) ?? members)
        }
    }

    /// - Returns: the process's former seat, if it cannot stay there.
    private func place(_ spec: AddonSpec, at position: Int, in members: inout [Member]) -> Seat? {
        let (pool, former) = (AddonPool(spawned: spec), members.firstIndex { $0.spec?.name == spec.name })
        if let former, members[former].seat.pool == pool {
            members[former].spec = spec
            members[former].position = position
            members[former].renew(options.current)
            return nil
        }
        let left = former.map { members.remove(at: $0).seat }
        members.append(
            Member(
                seat: Seat(name: Self.freeName(spec.name, among: members), pool: pool),
                spec: spec,
                position: position,
                registeredName: spec.name,
                identity: AddonIdentity(declared: spec),
                terms: AddonTerms(declared: spec, options.current)
            )
        )
        return left
    }

    private static func freeName(_ name: String, among members: [Member]) -> String {
        var (free, number) = (name, 1)
        while members.contains(where: { $0.seat.name == free }) {
            number += 1
            free = "\(name)#\(number)"
        }
        return free
    }

    /// Applies the present options and rights to every addon's terms.
    func renewTerms() {
        state.withLock { state in
            var (members, options) = (state.members, options.current)
            for index in members.indices { members[index].renew(options) }
            update(&state, members)
        }
        taps.renew { rights(of: $0) }
        flows.watch.renew { rights(of: $0) }
    }

    /// Removes seats, whether or not they are occupied.
    func remove(_ seats: [Seat]) {
        let gone = state.withLock { state in
            let gone = state.members.filter { member in seats.contains { $0 === member.seat } }
            update(&state, state.members.filter { member in !seats.contains { $0 === member.seat } })
            return gone
        }
        for session in gone.compactMap(\.session) { left(session) }
        for seat in seats { seat.remove() }
    }

    /// Notes what happened to the process of a seat.
    ///
    /// - Parameter reason: how the process ended, or why the daemon ended it; nil while it runs.
    func note(_ absence: Seat.Absence, _ reason: String?, of name: String) {
        state.withLock { state in
            guard let index = state.members.firstIndex(where: { $0.spec?.name == name }) else { return }
            state.members[index].seat.note(absence, reason)
            state.members[index].isNotAwaited = absence == .away
        }
        resumeIfReady()
    }

    /// Removes an addon that does not want to take part.
    func stepOut(_ spec: AddonSpec) {
        remove(members.filter { $0.spec?.name == spec.name }.map(\.seat))
        resumeIfReady()
    }
}

extension AddonHost.Member {
    /// Whether this is the addon `name` or one of its processes.
    func belongs(to name: String) -> Bool { seat.name == name || seat.pool?.name == name }

    /// Derives the terms again from the present rights and options.
    fileprivate mutating func renew(_ options: Options) {
        if let spec, !hasRegistered {
            terms = AddonTerms(declared: spec, options)
        } else {
            let rights = AddonRights(identity, spec, options)
            terms = terms.renewed(spec, rights, options)
            former = former?.renewed(spec, rights, options)
        }
    }
}
