/// Why a filter expression is invalid: where, and what is allowed there.
public struct FilterError: Error, Equatable, CustomStringConvertible {
    /// The offset of the mistake, in bytes.
    public var position: Int
    /// What is wrong, and what is allowed there.
    public var reason: String

    /// Creates an error at a byte offset.
    public init(at position: Int, _ reason: String) {
        self.position = position
        self.reason = reason
    }

    /// The error as one line of text.
    public var description: String { "at byte \(position): \(reason)" }
}
