import NIOCore

/// Which connections' events an addon gets: all, or its part when it is one of several processes of one addon.
///
/// A connection's events all go to one process, as long as none comes or goes; to one on the connection's loop if there is
/// any, so that none crosses from loop to loop.
struct AddonShare {
    private let index: Int
    private let count: Int

    /// Nil when the addon gets none of them.
    ///
    /// - Parameter loop: whose events these are.
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

    func contains(_ subject: any EventSubject) -> Bool {
        count == 1 || (subject.connection?.number ?? 0) % count == index
    }
}
