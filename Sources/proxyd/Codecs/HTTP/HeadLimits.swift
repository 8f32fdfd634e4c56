/// How large a head may be, of a request, a response or a trailer section.
package struct HeadLimits: Sendable {
    /// In bytes, with the first line.
    package var bytes = 64 * 1024
    package var fields = 200

    package init(bytes: Int = 64 * 1024, fields: Int = 200) {
        self.bytes = bytes
        self.fields = fields
    }
}

/// The bounds that only the HTTP/1 codec needs.
enum HTTP1Limits {
    /// The longest line with a chunk's size and extensions, in bytes with its line end.
    static let chunkLineBytes = 4096
    /// The most empty lines before a request line; they are skipped (RFC 9112, section 2.2).
    static let leadingEmptyLines = 8
}
