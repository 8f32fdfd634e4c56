/// The severity of an entry, in rising order; `alert` is information that users should not overlook.
package enum LogLevel: String, Sendable, CaseIterable, Comparable {
    case debug
    case info
    case alert
    case warn
    case error

    /// Compares severities.
    package static func < (left: Self, right: Self) -> Bool {
        left.severity < right.severity
    }

    private var severity: Int {
        switch self {
        case .debug: 0
        case .info: 1
        case .alert: 2
        case .warn: 3
        case .error: 4
        }
    }
}
