/// Why rules cannot be used: where the fault is, and what is allowed there.
package struct RuleError: Error, Equatable, CustomStringConvertible {
    /// `FILE:LINE:COLUMN`, `FILE`, or the name of an option.
    package var origin: String
    package var reason: String

    package init(_ origin: String, _ reason: String) {
        self.origin = origin
        self.reason = reason
    }

    package var description: String { "\(origin): \(reason)" }
}
