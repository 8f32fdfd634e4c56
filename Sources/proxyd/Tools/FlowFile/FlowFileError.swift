/// Why a file cannot be read as a file of flows.
package struct FlowFileError: Error, Equatable, CustomStringConvertible {
    /// The reason, in words.
    package let description: String

    init(_ description: String) { self.description = description }
}
