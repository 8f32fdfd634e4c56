import AddonProtocol
import NIOCore
import Synchronization

/// An addon's place in the chain, by name; it outlives the addon's connections.
///
/// Events go through it to whoever sits there. While nobody does, those that must not pass without the addon wait for the
/// next, within their own time. Any loop may hand events over.
final class Seat: Sendable {
    /// Why nobody sits there.
    enum Absence: String, Sendable {
        /// It has not been started yet.
        case expected
        /// Its process runs, and has not come to the socket.
        case starting
        /// It was there, and is not any more.
        case away
    }

    private struct State {
        var occupant: AddonMailbox?
        var absence = Absence.expected
        /// Why nobody has come yet, or not again.
        var reason: String?
        var waiting: [PendingEvent] = []
        /// Whether the seat is taken away, so that nobody will come.
        var isGone = false
    }

    let name: String
    /// The addon of which this is one process; nil: the whole of it.
    let pool: AddonPool?
    private let state = Mutex(State())

    init(name: String, pool: AddonPool?) {
        self.name = name
        self.pool = pool
    }

    var source: String { "addon:" + name }
    /// Who sits there; nil: nobody does.
    var occupant: AddonMailbox? { state.withLock { $0.occupant } }
    var absence: Absence { state.withLock { $0.absence } }
    /// What is known of why nobody sits there.
    var absenceReason: String? { state.withLock { $0.reason } }

    // MARK: Who sits there

    /// Takes the place, and gets what has waited for it.
    func take(by addon: AddonMailbox) {
        let waiting = state.withLock { state in
            state.occupant = addon
            state.reason = nil
            defer { state.waiting = [] }
            return state.waiting
        }
        for event in waiting { addon.ask(event.withoutTimer()) }
    }

    /// Leaves the place, unless another has taken it.
    func leave(by addon: AddonMailbox) {
        state.withLock { state in
            guard state.occupant === addon else { return }
            state.occupant = nil
            state.absence = .away
            state.reason = state.reason ?? "its connection has ended"
        }
    }

    /// - Parameter reason: nil: what is known of it stays.
    func note(_ absence: Absence, _ reason: String?) {
        state.withLock { state in
            state.absence = absence
            state.reason = reason ?? state.reason
        }
    }

    /// Nobody will come any more.
    func remove() {
        let waiting = state.withLock { state in
            state.isGone = true
            defer { state.waiting = [] }
            return state.waiting
        }
        for event in waiting { event.withoutTimer().complete(.failure(.lost)) }
    }

    // MARK: Events

    /// Hands over an event; its wait is filled with the reply or the failure, whatever happens.
    func ask(_ event: PendingEvent) {
        hand(over: event, from: nil)
    }

    /// Takes an event back from an addon that has left, for the next.
    func takeBack(_ event: PendingEvent, from former: AddonMailbox) {
        hand(over: event, from: former)
    }

    private enum Way {
        case to(AddonMailbox)
        case waits
        case fails(AddonFailure)
    }

    private func hand(over event: PendingEvent, from former: AddonMailbox?) {
        let way = state.withLock { state -> Way in
            if let occupant = state.occupant, occupant !== former { return .to(occupant) }
            if state.isGone { return .fails(.lost) }
            guard event.waitsForSeat, state.waiting.count < Limits.eventsOfEmptySeat else {
                return .fails(former == nil ? .absent(state.absence.rawValue) : .lost)
            }
            state.waiting.append(event)
            event.startTimer { [weak self] in self?.giveUp(event) }
            return .waits
        }
        switch way {
        case .to(let addon): addon.ask(event)
        case .waits: break
        case .fails(let failure): event.complete(.failure(failure))
        }
    }

    private func giveUp(_ event: PendingEvent) {
        let absence = state.withLock { state -> Absence? in
            guard let index = state.waiting.firstIndex(where: { $0 === event }) else { return nil }
            state.waiting.remove(at: index)
            return state.absence
        }
        if let absence { event.complete(.failure(.absent(absence.rawValue))) }
    }

    func notify(_ event: Event, _ members: [UInt8], _ trace: TraceContext? = nil) {
        occupant?.notify(event, members, trace)
    }

    /// The addon is not told of an event.
    func miss() {
        occupant?.miss()
    }

    /// Tells the addon that nobody waits for its reply any more.
    func cancel(_ wait: EventWait, reason: String) {
        let occupant = state.withLock { state in
            state.waiting.removeAll { $0 === wait }
            return state.occupant
        }
        occupant?.cancel(wait, reason: reason)
    }

    /// Tells the addon, and counts, that a mutation was refused.
    func reject(_ refusal: PatchRefusal, of event: Event, flow: String?) {
        occupant?.reject(refusal, of: event, flow: flow)
    }
}
