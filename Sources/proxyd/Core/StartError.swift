/// Why the daemon cannot start, in one line for the user.
package struct StartError: Error, Sendable, CustomStringConvertible {
    package let description: String

    init(_ description: String) {
        self.description = description
    }
}
