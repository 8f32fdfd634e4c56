import AddonProtocol
import ProxyCodecs

/// A pattern for the media type in Content-Type (RFC 9110, section 8.3.1), such as `application/grpc*`. Matching
/// ignores case and parameters.
struct MediaTypePattern: Sendable, Equatable {
    let text: String
    private let pattern: WildcardPattern

    /// Nil when the pattern could not match any media type.
    init?(parsing text: String) {
        let bytes = Array(text.utf8)
        let parts = bytes.split(separator: UInt8(ascii: "/"), omittingEmptySubsequences: false)
        let isType = parts.count == 2 && parts.allSatisfy { HTTPSyntax.isToken(Array($0)) }
        guard isType || text == "*" else { return nil }
        self.init(text)
    }

    private init(_ text: String) {
        self.text = text
        pattern = WildcardPattern(text, ignoringCase: true)
    }

    func matches(_ mediaType: ArraySlice<UInt8>) -> Bool { pattern.matches(mediaType) }

    /// Types whose messages arrive one by one, with no end to wait for.
    static let usualStreams = [
        "text/event-stream", "application/grpc*", "application/connect+*", "application/x-ndjson", "application/jsonl",
        "multipart/x-mixed-replace",
    ].map { MediaTypePattern($0) }
}

extension [MediaTypePattern] {
    /// Whether the message has one of these types.
    func match(_ fields: HeaderFields) -> Bool {
        guard !isEmpty, let value = fields.first("content-type") else { return false }
        let type = value.prefix { $0 != UInt8(ascii: ";") }.trimmingOptionalWhitespace()
        return contains { $0.matches(type) }
    }
}

extension OptionKind where Value == [MediaTypePattern] {
    static var mediaTypePatterns: Self {
        .list(
            allowed: "a list of media types such as text/event-stream or application/grpc*",
            parse: { MediaTypePattern(parsing: $0) },
            text: \.text
        )
    }
}
