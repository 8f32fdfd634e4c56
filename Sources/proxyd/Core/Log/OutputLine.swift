/// One or several lines for an output stream. Their text is made on the stream's own thread.
package struct OutputLine: Sendable {
    /// Roughly how many bytes it takes while it is queued.
    package let weight: Int
    /// Appends the text, without the final LF.
    package let write: @Sendable (inout [UInt8]) -> Void

    /// Creates a line whose text `write` makes later.
    package init(weight: Int, write: @escaping @Sendable (inout [UInt8]) -> Void) {
        self.weight = weight
        self.write = write
    }
}
