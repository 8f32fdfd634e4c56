/// Why a file cannot be read as one of flows.
package struct FlowFileError: Error, Equatable, CustomStringConvertible {
    package let description: String

    init(_ description: String) { self.description = description }
}
