import AddonProtocol
import Glibc
import NIOEmbedded

@testable import ProxyCodecs
@testable import ProxyCore

extension AddonTerms {
    /// Those of an addon that came by itself, and may have every event and change everything.
    ///
    /// - Parameters:
    ///   - events: as in `initialize`.
    ///   - redact: header fields whose values it is not shown.
    init(of events: JSONValue, redact: [String] = []) throws {
        let changes: [String: JSONValue] = [
            "attached_rights": ["events", "mutate"], "redact": .array(redact.map { .string("a:\($0)") }),
        ]
        let options = try Options().applying(changes).options
        let registration = try Registration(params: ["name": "a", "events": events])
        let rights = AddonRights(AddonIdentity(registration, nil, uid: getuid()), nil, options)
        try self.init(registration, nil, rights, options)
    }
}

extension DispatchPlan {
    /// That of addons in this order, each with its `events`, whose seats nobody has taken.
    convenience init(of addons: KeyValuePairs<String, JSONValue>) throws {
        let places = try addons.map { name, events in
            (seat: Seat(name: name, pool: nil), terms: try AddonTerms(of: events))
        }
        self.init(Chain(places), on: EmbeddedEventLoop())
    }
}

extension DispatchPlan.Route {
    var names: (enforcing: [String], observing: [String], deciding: [String]) {
        (enforcing.map(\.seat.name), observing.map(\.seat.name), deciding.map(\.seat.name))
    }
}
