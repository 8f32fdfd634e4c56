/// Why bytes are not a JSON value that is taken here.
public struct JSONError: Error, Equatable, CustomStringConvertible {
    /// How many bytes had been read when it showed.
    public let position: Int
    public let reason: String

    public init(position: Int, reason: String) {
        self.position = position
        self.reason = reason
    }

    public var description: String { "\(reason) at byte \(position)" }
}
