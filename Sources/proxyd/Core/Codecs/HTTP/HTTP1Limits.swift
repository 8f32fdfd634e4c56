/// The bounds that only the HTTP/1 codec needs.
extension Limits {
    /// The longest line with a chunk's size and extensions, in bytes with its line end.
    static let chunkLineBytes = 4096
    /// The most empty lines before a request line; they are skipped (RFC 9112, section 2.2).
    static let leadingEmptyLines = 8
}
