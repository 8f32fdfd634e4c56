/// The bounds of the codecs.
struct Limits: Sendable {
    /// The largest request or response head, in bytes (request line and fields together).
    var headBytes = 64 * 1024
    /// The most fields in one head or trailer section.
    var headFields = 200

    /// The longest line with a chunk's size and extensions, in bytes with its line end.
    static let chunkLineBytes = 4096
    /// The most empty lines before a request line; they are skipped (RFC 9112, section 2.2).
    static let leadingEmptyLines = 8
    /// The most content codings on one body that are undone.
    static let contentCodings = 4
}
