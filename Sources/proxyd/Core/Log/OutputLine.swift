/// A line for an output stream, or several, whose text is made on the stream's own thread.
package struct OutputLine: Sendable {
    /// About how many bytes it takes while it waits.
    package let weight: Int
    /// Appends the text, without the last LF.
    package let write: @Sendable (inout [UInt8]) -> Void

    package init(weight: Int, write: @escaping @Sendable (inout [UInt8]) -> Void) {
        self.weight = weight
        self.write = write
    }
}
