/// Why bytes are not a JSON value that is taken here.
public struct JSONError: Error, Equatable, CustomStringConvertible {
    public enum Kind: Sendable, Equatable {
        case syntax
        /// More arrays and objects in one another than this.
        case nesting(limit: Int)
    }

    public let kind: Kind
    /// How many bytes had been read when it showed.
    public let position: Int
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

    public var description: String { "\(reason) at byte \(position)" }
}
