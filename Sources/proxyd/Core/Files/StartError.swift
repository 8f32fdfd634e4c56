/// Why the daemon cannot start, in one line for the user.
package struct StartError: Error, Sendable, CustomStringConvertible {
    /// The reason, as one line.
    package let description: String

    init(_ description: String) {
        self.description = description
    }

    /// - Parameter code: an errno value.
    package init(_ action: String, _ code: Int32) {
        description = "\(FileError(action, code: code))"
    }
}
