/// Why bytes are not an acceptable JSON value.
public struct JSONError: Error, Equatable, CustomStringConvertible {
    /// The kinds of errors.
    public enum Kind: Sendable, Equatable {
        case syntax
        /// Arrays and objects are nested more deeply than this.
        case nesting(limit: Int)
    }

    /// The kind of the error.
    public let kind: Kind
    /// How many bytes had been read when the error was found.
    public let position: Int
    /// What is wrong.
    public let reason: String

    init(syntax reason: String, position: Int) {
        kind = .syntax
        self.position = position
        self.reason = reason
    }

    init(nestingLimit limit: Int, position: Int) {
        kind = .nesting(limit: limit)
        self.position = position
        reason = "more than \(limit) arrays and objects in one another"
    }

    /// The error as one line of text.
    public var description: String { "\(reason) at byte \(position)" }
}
