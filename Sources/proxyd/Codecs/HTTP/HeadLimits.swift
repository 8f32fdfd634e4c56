/// Limits for a request's or response's head, or for a trailer section.
package struct HeadLimits: Sendable {
    /// The size in bytes, with the first line.
    package var bytes = 64 * 1024
    /// The number of fields.
    package var fields = 200

    /// - Parameters:
    ///   - bytes: the size in bytes, with the first line.
    ///   - fields: the number of fields.
    package init(bytes: Int = 64 * 1024, fields: Int = 200) {
        self.bytes = bytes
        self.fields = fields
    }
}

/// Limits that only the HTTP/1 codec needs.
enum HTTP1Limits {
    /// The longest line with a chunk's size and extensions, in bytes with its line end.
    static let chunkLineBytes = 4096
    /// The most empty lines before a request line; they are skipped (RFC 9112, section 2.2).
    static let leadingEmptyLines = 8
}
