/// The smallest part of a filter expression: a single condition on a flow.
public enum FilterAtom<Pattern: Sendable>: Sendable {
    case flag(FilterFlag)
    case status(Int)
    case pattern(FilterField, Pattern)
}

extension FilterAtom: Equatable where Pattern: Equatable {}

/// Atoms without an argument, by the name after the `~`.
public enum FilterFlag: String, CaseIterable, Sendable {
    /// The response is a style sheet, a script, an image or a font.
    case asset = "a"
    case all
    case dns
    case error = "e"
    case http
    case marked
    /// A request without a response.
    case noResponse = "q"
    case replay
    case replayedRequest = "replayq"
    case replayedResponse = "replays"
    case response = "s"
    case tcp
    case udp
    case websocket
}

/// The text that a regular expression is searched in, by the name after the `~`.
public enum FilterField: String, CaseIterable, Sendable {
    case body = "b"
    case requestBody = "bq"
    case responseBody = "bs"
    case comment
    case domain = "d"
    case destination = "dst"
    case header = "h"
    case requestHeader = "hq"
    case responseHeader = "hs"
    case method = "m"
    case marker
    case metadata = "meta"
    case source = "src"
    case contentType = "t"
    case requestContentType = "tq"
    case responseContentType = "ts"
    /// The URL, which regular expressions without an atom also search.
    case url = "u"

    /// How a regular expression treats line ends; only some fields have several lines.
    public var lines: FilterLines {
        switch self {
        case .body, .requestBody, .responseBody: .dotMatchesAll
        case .comment, .header, .requestHeader, .responseHeader, .metadata: .anchorsMatchLines
        case .domain, .destination, .method, .marker, .source, .contentType, .requestContentType,
            .responseContentType, .url:
            .one
        }
    }
}

/// How a regular expression treats line ends.
public enum FilterLines: Sendable {
    case one
    /// `^` and `$` match at each line.
    case anchorsMatchLines
    /// `.` also matches line ends.
    case dotMatchesAll
}
