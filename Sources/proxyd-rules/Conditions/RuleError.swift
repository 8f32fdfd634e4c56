/// Why rules cannot be used: where the fault is, and what is allowed there.
package struct RuleError: Error, Equatable, CustomStringConvertible {
    /// `FILE:LINE:COLUMN`, `FILE`, or the name of an option.
    package var origin: String
    /// What is wrong, and what is allowed.
    package var reason: String

    /// - Parameters:
    ///   - origin: where the fault is.
    ///   - reason: what is wrong.
    package init(_ origin: String, _ reason: String) {
        self.origin = origin
        self.reason = reason
    }

    /// The origin and the reason.
    package var description: String { "\(origin): \(reason)" }
}
