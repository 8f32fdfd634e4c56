/// The text of a regular expression, with its position in the filter.
public struct FilterPatternText: Sendable, Equatable {
    /// The expression.
    public var text: String
    /// The offset in the filter, in bytes.
    public var position: Int

    /// Creates a pattern found at a byte offset.
    public init(_ text: String, at position: Int) {
        self.text = text
        self.position = position
    }
}

/// A compiled regular expression, which ignores case.
public protocol FilterPattern: Sendable {
    /// Whether the expression matches anywhere in the bytes; nil when that cannot be decided in time.
    func isFound(in bytes: [UInt8], _ time: FilterTime) -> Bool?
}

/// How long a search may take.
public enum FilterTime: Sendable {
    /// Short enough not to delay other work on the thread.
    case short
    case long
}

/// Compiles a regular expression; throws the reason why it is invalid.
public typealias FilterPatternCompiler = (String, FilterLines) throws(FilterPatternError) -> any FilterPattern

/// Why a regular expression is invalid.
public struct FilterPatternError: Error, Equatable {
    /// The reason.
    public var reason: String

    /// Creates an error with its reason.
    public init(_ reason: String) {
        self.reason = reason
    }
}
