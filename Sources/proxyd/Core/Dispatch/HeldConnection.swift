import AddonProtocol
import NIOCore

/// A connection that waits at an event of its own, which belongs to no flow, because addons hold it. Confined to its loop.
final class HeldConnection: @unchecked Sendable {
    let info: ConnectionInfo
    private let event: Event
    private let control = FlowControl()
    private var failure: FlowError?

    init(_ info: ConnectionInfo, at event: Event) {
        self.info = info
        self.event = event
        control.begin { [weak self] error in
            self?.failure = error
            self?.control.resume()
        }
    }

    func hold(by seat: Seat) {
        control.hold(by: seat, at: event)
        if seat.occupant == nil { left(seat) }
    }

    /// Waits for the end of the hold, which the interruption ends too.
    ///
    /// - Throws: what it was killed with.
    func untilEnded(_ interruption: Interruption) async throws(FlowError) {
        await interruption.during({ await control.untilResumed() }, cut: { [control] _ in control.resume() })
        if let failure { throw failure }
    }

    /// - Returns: whether it was held.
    func resume() -> Bool { control.resume() }

    /// - Returns: whether it was held.
    func kill(by addon: String) -> Bool { control.isIntercepted && control.kill(by: addon) }

    /// The addon does not hold it any more.
    func left(_ seat: Seat) { _ = control.left(seat) }

    /// The entry of `hold.list`; nil when nobody holds it any more.
    var listing: JSONValue? {
        guard control.isIntercepted else { return nil }
        return .held(id: info.id, type: "connection", control, peer: info.address ?? info.peername)
    }
}

/// The connections of one loop that are held, and the ids of those that were; confined to that loop.
final class HeldConnections: @unchecked Sendable {
    private var present: [ObjectIdentifier: HeldConnection] = [:]
    /// The last to be held no more, so that it can be told that a call comes too late.
    private var former: [String] = []

    func add(_ connection: HeldConnection) { present[ObjectIdentifier(connection)] = connection }

    func remove(_ connection: HeldConnection) {
        present[ObjectIdentifier(connection)] = nil
        if former.count >= Limits.formerHolds { former.removeFirst() }
        former.append(connection.info.id)
    }

    /// The holds of the connection with this id: its tunnels may be held one by one.
    subscript(id: String) -> [HeldConnection] { present.values.filter { $0.info.id == id } }

    func wasHeld(_ id: String) -> Bool { former.contains(id) }

    func left(_ seat: Seat) { for connection in present.values { connection.left(seat) } }

    var listing: [JSONValue] { present.values.compactMap(\.listing) }
}

extension JSONValue {
    /// An entry of `hold.list`.
    static func held(id: String, type: String, _ control: FlowControl, peer: ConnectionInfo.Address?) -> JSONValue {
        [
            "id": .string(id), "type": .string(type), "event": control.held["event"] ?? .null,
            "since": control.held["since"] ?? .null, "peer": peer.map { .string($0.description) } ?? .null,
        ]
    }
}

extension LiveFlow {
    /// The entry of `hold.list`; nil when nobody holds it.
    var holdListing: JSONValue? {
        guard control.isIntercepted else { return nil }
        return .held(id: id, type: summary.json["type"]?.stringValue ?? "", control, peer: clientConnection.peername)
    }
}
