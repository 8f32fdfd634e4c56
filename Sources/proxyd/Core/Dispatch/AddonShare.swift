import NIOCore

/// Which connections' events an addon gets: all of them, or its share if it is one of several processes.
///
/// All events of a connection go to the same process, as long as no process joins or leaves. A process on the
/// connection's own loop is preferred, so that events do not cross loops.
struct AddonShare {
    private let index: Int
    private let count: Int

    /// Nil when the addon gets no events of this loop.
    ///
    /// - Parameter loop: the loop whose events are shared.
    init?(of seat: Seat, among seats: some Sequence<Seat>, on loop: any EventLoop) {
        guard let pool = seat.pool else {
            (index, count) = (0, 1)
            return
        }
        let all = seats.filter { $0.pool == pool }
        let taken = all.filter { $0.occupant != nil }
        let present = taken.isEmpty ? all : taken
        let near = present.filter { $0.occupant?.loop.eventLoop === loop }
        let sharing = near.isEmpty ? present : near
        guard let index = sharing.firstIndex(where: { $0 === seat }) else { return nil }
        (self.index, count) = (index, sharing.count)
    }

    /// Whether the addon gets the events of this subject's connection.
    func contains(_ subject: any EventSubject) -> Bool {
        count == 1 || (subject.connection?.number ?? 0) % count == index
    }
}
