/// What an addon wants to get of an event.
public struct Subscription: Sendable, Equatable {
    /// What the event is for.
    public enum Mode: String, CaseIterable, Sendable {
        /// The flow waits for the reply and applies it.
        case enforce
        /// A notification, for which nothing waits.
        case observe
        /// Like `enforce`, but the reply is only recorded, not applied.
        case audit
    }

    /// How much of the body the event shows.
    public enum Body: Sendable, Hashable {
        case none
        case full
        /// At most this many bytes from the start.
        case preview(Int)
        /// Nothing: the body arrives in `request_data` and `response_data` events.
        case stream
    }

    /// The parts of a flow that can be kept for later events, by their paths.
    public enum Kept: String, CaseIterable, Sendable {
        case requestContent = "request.content"
    }

    /// The event.
    public var event: Event
    /// Whether the addon asked for the event by name, or by a pattern that does not match every event.
    public var isNamed: Bool
    /// What the event is for.
    public var mode: Mode
    /// How much of the body the event shows.
    public var body: Body
    /// Whether content codings are removed before the event and reapplied after a change.
    public var decode: Bool
    /// Parts of the flow that were sent before the event and are kept for it.
    public var keep: Set<Kept>
    /// The paths to include from the snapshot, such as `request.headers`; empty means all.
    public var include: [String]
    /// The paths to leave out of the snapshot.
    public var exclude: [String]
    /// The reply timeout; nil means that of the registration.
    public var timeoutMilliseconds: ReplyTimeout?
    /// The failure policy; nil means that of the registration.
    public var onFailure: FailurePolicy?
    /// A flow filter. Flows that do not match send no events.
    public var filter: String?

    /// Creates a subscription, by default to the whole flow.
    public init(
        event: Event,
        isNamed: Bool = true,
        mode: Mode = .enforce,
        body: Body = .full,
        decode: Bool = false,
        keep: Set<Kept> = [],
        include: [String] = [],
        exclude: [String] = [],
        timeoutMilliseconds: ReplyTimeout? = nil,
        onFailure: FailurePolicy? = nil,
        filter: String? = nil
    ) {
        self.event = event
        self.isNamed = isNamed
        self.mode = mode
        self.body = body
        self.decode = decode
        self.keep = keep
        self.include = include
        self.exclude = exclude
        self.timeoutMilliseconds = timeoutMilliseconds
        self.onFailure = onFailure
        self.filter = filter
    }
}

/// What happens to a waiting flow when its addon fails.
public enum FailurePolicy: String, CaseIterable, Sendable {
    /// Fail-open: the flow continues without the addon.
    case open
    /// Fail-closed: the client gets a 502 or 504.
    case closed
}

extension Subscription {
    /// The longest timeout that an addon can ask for.
    public static let maximumTimeoutMilliseconds = 3_600_000
    /// The most entries in a list of subscriptions.
    public static let maximumEntries = 1024

    /// Reads the `events` of `initialize` and `subscribe`: a list of names, of patterns with `*`, and of objects with
    /// an `event`. Of several entries for the same event, the last one counts.
    public static func parse(_ events: JSONValue) throws(ProtocolError) -> [Subscription] {
        guard let entries = events.arrayValue, entries.count <= maximumEntries else {
            let allowed = "a list of at most \(maximumEntries) event names and objects"
            throw .invalidParams("events", found: events, allowed: allowed)
        }
        var subscriptions: [Subscription] = []
        for (index, entry) in entries.enumerated() {
            for var subscription in try parse(entry, path: "events[\(index)]") {
                if let earlier = subscriptions.firstIndex(where: { $0.event == subscription.event }) {
                    subscription.isNamed = subscription.isNamed || subscriptions[earlier].isNamed
                    subscriptions[earlier] = subscription
                } else {
                    subscriptions.append(subscription)
                }
            }
        }
        return subscriptions
    }

    private static func parse(_ entry: JSONValue, path: String) throws(ProtocolError) -> [Subscription] {
        if let pattern = entry.stringValue {
            let events = try events(pattern, path: path)
            return events.map { Subscription(event: $0, isNamed: events.count < Event.allCases.count) }
        }
        guard entry.members != nil else {
            throw .invalidParams(path, found: entry, allowed: "an event name or an object with \"event\"")
        }
        let reader = ParamsReader(entry, prefix: "\(path).")
        guard let pattern = try reader.string("event") else { throw reader.invalid("event", allowed: "an event name") }
        let events = try events(pattern, path: "\(path).event")
        var template = Subscription(event: .start)
        try template.read(reader)
        if template.filter != nil, let event = Event(rawValue: pattern), !event.hasFlow {
            throw reader.invalid("filter", allowed: "no filter, since \(event.rawValue) is not about a flow")
        }
        if !template.keep.isEmpty, !events.contains(where: \.comesAfterRequest) {
            throw reader.invalid("keep", allowed: "no keep except at \(Event.namesAfterRequest)")
        }
        template.isNamed = events.count < Event.allCases.count
        return events.map { event in
            var subscription = template
            subscription.event = event
            if !event.comesAfterRequest { subscription.keep = [] }
            return subscription
        }
    }

    private static func events(_ pattern: String, path: String) throws(ProtocolError) -> [Event] {
        let events = Event.matching(pattern)
        guard events.isEmpty else { return events }
        let allowed = Event.allCases.map(\.rawValue).joined(separator: ", ") + ", or a pattern with *"
        var error = ProtocolError.invalidParams(path, found: .string(pattern), allowed: allowed)
        let nearest = nearestNames(to: pattern, among: Event.allCases.map(\.rawValue))
        let hint = nearest.isEmpty ? "" : " (did you mean \(nearest.joined(separator: " or "))?)"
        error.message = "unknown event\(hint): " + error.message
        throw error
    }

    private mutating func read(_ reader: ParamsReader) throws(ProtocolError) {
        filter = try Self.filter(reader)
        if let value = reader["decode"] {
            guard let value = value.boolValue else { throw reader.invalid("decode", allowed: "true or false") }
            decode = value
        }
        mode = try reader.choice("mode") ?? mode
        body = try Self.body(reader) ?? body
        keep = Set(try reader.choices("keep"))
        include = try reader.strings("include")
        exclude = try reader.strings("exclude")
        timeoutMilliseconds = try reader.timeout()
        onFailure = try reader.choice("on_failure")
    }

    private static func filter(_ reader: ParamsReader) throws(ProtocolError) -> String? {
        guard let text = try reader.string("filter") else { return nil }
        do throws(FilterError) {
            _ = try FilterParser.parse(text)
            return text
        } catch {
            throw .invalidFilter(reader.prefix + "filter", text, error)
        }
    }

    private static func body(_ reader: ParamsReader) throws(ProtocolError) -> Body? {
        let allowed = "\"none\", \"full\", \"stream\" or {\"preview\": N}"
        switch reader["body"] {
        case nil: return nil
        case "none": return Body.none
        case "full": return .full
        case "stream": return .stream
        case let body?:
            guard let size = body["preview"]?.intValue, size >= 0 else {
                throw reader.invalid("body", allowed: allowed)
            }
            return .preview(size)
        }
    }
}
