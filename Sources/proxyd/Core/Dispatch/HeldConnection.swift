import AddonProtocol
import NIOCore

/// A connection that addons hold at one of its own events, which belongs to no flow. Confined to its loop.
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

    /// Holds the connection for an addon.
    func hold(by seat: Seat) {
        control.hold(by: seat, at: event)
        if seat.occupant == nil { left(seat) }
    }

    /// Waits for the end of the hold or an interruption.
    ///
    /// - Throws: the error with which the connection was killed.
    func untilEnded(_ interruption: Interruption) async throws(FlowError) {
        await interruption.during({ await control.untilResumed() }, cut: { [control] _ in control.resume() })
        if let failure { throw failure }
    }

    /// - Returns: whether it was held.
    func resume() -> Bool { control.resume() }

    /// - Returns: whether it was held.
    func kill(by addon: String) -> Bool { control.isIntercepted && control.kill(by: addon) }

    /// Removes an addon that has left from the holders.
    func left(_ seat: Seat) { _ = control.left(seat) }

    /// The entry of `hold.list`; nil when the connection is no longer held.
    var listing: JSONValue? {
        guard control.isIntercepted else { return nil }
        return .held(id: info.id, type: "connection", control, peer: info.address ?? info.peername)
    }
}

/// The held connections of one loop, and the ids of former ones. Confined to that loop.
final class HeldConnections: @unchecked Sendable {
    private var present: [ObjectIdentifier: HeldConnection] = [:]
    /// The last connections to be released, so that late calls can be told apart from wrong ids.
    private var former: [String] = []

    func add(_ connection: HeldConnection) { present[ObjectIdentifier(connection)] = connection }

    func remove(_ connection: HeldConnection) {
        present[ObjectIdentifier(connection)] = nil
        if former.count >= Limits.formerHolds { former.removeFirst() }
        former.append(connection.info.id)
    }

    /// The holds of the connection with this id. Its tunnels can be held separately.
    subscript(id: String) -> [HeldConnection] { present.values.filter { $0.info.id == id } }

    /// Whether the connection with this id was held recently.
    func wasHeld(_ id: String) -> Bool { former.contains(id) }

    /// Removes an addon that has left from all holds.
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
    /// The entry of `hold.list`; nil when nobody holds the flow.
    var holdListing: JSONValue? {
        guard control.isIntercepted else { return nil }
        return .held(id: id, type: summary.json["type"]?.stringValue ?? "", control, peer: clientConnection.peername)
    }
}
