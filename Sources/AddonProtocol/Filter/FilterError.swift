/// Why a filter expression cannot be used: where in it, and what is allowed there.
public struct FilterError: Error, Equatable, CustomStringConvertible {
    /// In bytes from the start of the expression.
    public var position: Int
    public var reason: String

    public init(at position: Int, _ reason: String) {
        self.position = position
        self.reason = reason
    }

    public var description: String { "at byte \(position): \(reason)" }
}
