/// A value for each event, found without hashing the event's name.
public struct EventTable<Value> {
    private var values: [Value]

    public init(repeating value: Value) {
        values = Array(repeating: value, count: Event.allCases.count)
    }

    public init(_ value: (Event) -> Value) {
        values = Event.allCases.map(value)
    }

    public subscript(event: Event) -> Value {
        get { values[event.ordinal] }
        set { values[event.ordinal] = newValue }
        _modify { yield &values[event.ordinal] }
    }
}

extension EventTable: Sendable where Value: Sendable {}
