/// The rights that an addon may have, by their names in options (section 9 of the protocol).
public enum RightGroup: String, CaseIterable, Sendable {
    case events
    case mutate
    case flowsRead = "flows.read"
    case flowsWrite = "flows.write"
    case options
    case addons
    case shutdown
}
