import AddonProtocol
import Synchronization

/// The seats of addons that the daemon starts, and what becomes of seats when options change.
extension AddonHost {
    /// Gives the addons that the daemon starts the order in which they are listed, before all that come by themselves.
    ///
    /// - Parameter new: those of them whose entry is new or another: the seats of their processes are made, or stay with what
    ///   is decided now.
    /// - Returns: the seats that the new entries have no use for.
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

    /// Makes the seats of one more addon that the daemon starts, behind all others.
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

    /// - Returns: the former seat of the process, where that is no seat for it.
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

    /// Has every addon have what its rights, and what is decided for all, allow it now.
    func renewTerms() {
        state.withLock { state in
            var (members, options) = (state.members, options.current)
            for index in members.indices { members[index].renew(options) }
            update(&state, members)
        }
        taps.renew { rights(of: $0) }
        flows.watch.renew { rights(of: $0) }
    }

    /// Takes seats away, whether or not anybody sits there.
    func remove(_ seats: [Seat]) {
        let gone = state.withLock { state in
            let gone = state.members.filter { member in seats.contains { $0 === member.seat } }
            update(&state, state.members.filter { member in !seats.contains { $0 === member.seat } })
            return gone
        }
        for session in gone.compactMap(\.session) { left(session) }
        for seat in seats { seat.remove() }
    }

    /// What becomes of the process of a seat.
    ///
    /// - Parameter reason: how the process ended, or why it was ended; nil: it runs.
    func note(_ absence: Seat.Absence, _ reason: String?, of name: String) {
        state.withLock { state in
            guard let index = state.members.firstIndex(where: { $0.spec?.name == name }) else { return }
            state.members[index].seat.note(absence, reason)
            state.members[index].isNotAwaited = absence == .away
        }
        resumeIfReady()
    }

    /// The addon does not take part.
    func stepOut(_ spec: AddonSpec) {
        remove(members.filter { $0.spec?.name == spec.name }.map(\.seat))
        resumeIfReady()
    }
}

extension AddonHost.Member {
    /// Whether this is the addon `name`, or one process of it.
    func belongs(to name: String) -> Bool { seat.name == name || seat.pool?.name == name }

    /// Asks for the same under the rights and options that there are now.
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
