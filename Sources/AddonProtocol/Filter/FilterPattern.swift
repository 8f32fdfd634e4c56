/// The text of a regular expression, with its place in the filter.
public struct FilterPatternText: Sendable, Equatable {
    public var text: String
    /// In bytes from the start of the filter.
    public var position: Int

    public init(_ text: String, at position: Int) {
        self.text = text
        self.position = position
    }
}

/// A compiled regular expression, looked for without regard to case.
public protocol FilterPattern: Sendable {
    /// Whether the expression is found anywhere in the bytes; nil when that may take longer than there is time.
    func isFound(in bytes: [UInt8], _ time: FilterTime) -> Bool?
}

/// How long a search may take.
public enum FilterTime: Sendable {
    /// So short that whoever shares the thread does not notice.
    case short
    case long
}

/// Makes a regular expression; throws the reason why it is none.
public typealias FilterPatternCompiler = (String, FilterLines) throws(FilterPatternError) -> any FilterPattern

public struct FilterPatternError: Error, Equatable {
    public var reason: String

    public init(_ reason: String) {
        self.reason = reason
    }
}
