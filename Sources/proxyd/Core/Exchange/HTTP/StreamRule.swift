/// Why a body passes by addons that would have held it.
enum StreamRule: Equatable, CustomStringConvertible {
    case type
    case large
    case holdLimit
    case holdIdle(seconds: Int)
    case memoryLimit

    /// The reason as text that follows "and".
    var description: String {
        switch self {
        case .type: "its media type is one that streams (stream_types)"
        case .large: "it is larger than stream_large_bodies"
        case .holdLimit: "it is larger than hold_limit"
        case .holdIdle(let seconds): "none of it has arrived for \(seconds) s (hold_idle), so it may be endless"
        case .memoryLimit: "there is no memory to hold it (memory_limit)"
        }
    }
}
