import AddonProtocol

/// Maps each event to a value without hashing the event's name.
struct EventTable<Value> {
    private var values: [Value]

    init(repeating value: Value) {
        values = Array(repeating: value, count: Event.allCases.count)
    }

    init(_ value: (Event) -> Value) {
        values = Event.allCases.map(value)
    }

    subscript(event: Event) -> Value {
        get { values[event.ordinal] }
        set { values[event.ordinal] = newValue }
        _modify { yield &values[event.ordinal] }
    }
}

extension EventTable: Sendable where Value: Sendable {}
