import AddonProtocol
import NIOCore
import Synchronization

/// An addon's place in the chain, by name. It outlives the addon's connections.
///
/// Events go through it to its occupant. While it is empty, events that must not pass without the addon wait for the
/// next occupant, within their timeouts. Any loop may hand events over.
final class Seat: Sendable {
    /// Why the seat is empty.
    enum Absence: String, Sendable {
        /// The addon has not been started yet.
        case expected
        /// Its process is running, but has not connected yet.
        case starting
        /// The addon has left.
        case away
    }

    /// Who occupies the seat, and which events wait for it.
    private struct State {
        var occupant: AddonMailbox?
        var absence = Absence.expected
        /// Why the addon has not connected, or not come back.
        var reason: String?
        var waiting: [PendingEvent] = []
        /// Whether the seat has been removed, so that no addon will take it.
        var isGone = false
    }

    let name: String
    /// The addon that this process belongs to; nil when the addon is a single process.
    let pool: AddonPool?
    private let state = Mutex(State())

    init(name: String, pool: AddonPool?) {
        self.name = name
        self.pool = pool
    }

    var source: String { "addon:" + name }
    /// The present occupant; nil when the seat is empty.
    var occupant: AddonMailbox? { state.withLock { $0.occupant } }
    var absence: Absence { state.withLock { $0.absence } }
    /// Why the seat is empty, as far as that is known.
    var absenceReason: String? { state.withLock { $0.reason } }

    // MARK: Occupants

    /// Takes the seat, and receives the events that have waited for it.
    func take(by addon: AddonMailbox) {
        let waiting = state.withLock { state in
            state.occupant = addon
            state.reason = nil
            defer { state.waiting = [] }
            return state.waiting
        }
        for event in waiting { addon.ask(event.withoutTimer()) }
    }

    /// Leaves the seat, unless another addon has taken it.
    func leave(by addon: AddonMailbox) {
        state.withLock { state in
            guard state.occupant === addon else { return }
            state.occupant = nil
            state.absence = .away
            state.reason = state.reason ?? "its connection has ended"
        }
    }

    /// - Parameter reason: nil keeps the known reason.
    func note(_ absence: Absence, _ reason: String?) {
        state.withLock { state in
            state.absence = absence
            state.reason = reason ?? state.reason
        }
    }

    /// Removes the seat, so that no addon will take it.
    func remove() {
        let waiting = state.withLock { state in
            state.isGone = true
            defer { state.waiting = [] }
            return state.waiting
        }
        for event in waiting { event.withoutTimer().complete(.failure(.lost)) }
    }

    // MARK: Events

    /// Hands over an event. Its wait always completes, with the reply or a failure.
    func ask(_ event: PendingEvent) {
        hand(over: event, from: nil)
    }

    /// Takes an event back from an addon that has left, for the next occupant.
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

    /// Notifies the occupant, if there is one.
    func notify(_ event: Event, _ members: [UInt8], _ trace: TraceContext? = nil) {
        occupant?.notify(event, members, trace)
    }

    /// Counts an event that the addon is not sent.
    func miss() {
        occupant?.miss()
    }

    /// Tells the addon that nobody is waiting for its reply any more.
    func cancel(_ wait: EventWait, reason: String) {
        let occupant = state.withLock { state in
            state.waiting.removeAll { $0 === wait }
            return state.occupant
        }
        occupant?.cancel(wait, reason: reason)
    }

    /// Tells the addon that a change was refused, and counts the refusal.
    func reject(_ refusal: PatchRefusal, of event: Event, flow: String?) {
        occupant?.reject(refusal, of: event, flow: flow)
    }
}
