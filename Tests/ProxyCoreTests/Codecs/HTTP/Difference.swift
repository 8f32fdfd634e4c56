/// Where another parser's verdict differs from this codec's, by the samples' names, and why that is intended.
enum Difference {
    static let fromNIO = byName([
        "it knows a fixed list of methods; any token is one (RFC 9110, section 9.1)": ["any token as method"],
        "it allows ASCII only in targets; they are passed on as they come": ["bytes over 0x7f in the target"],
        "it refuses equal lengths; RFC 9112, section 6.3, allows to take them as one": [
            "the same length twice in a list", "the same length on two lines", "the same length twice in a response",
            "smuggling: equal CL twice", "smuggling: equal CL in a list",
        ],
        "it refuses whitespace that RFC 9112, section 7.1.1, or a server that pads allows": [
            "chunk extensions", "padded chunk size",
        ],
        "it does not take a tab after a value; RFC 9112, section 5, has it": ["smuggling: TE before a tab"],
        "it takes any response to CONNECT for a tunnel; only 2xx is one": ["CONNECT refused"],
        "it skips more empty lines": ["empty lines without end", "many empty lines before a status line"],
        "it knows two versions; a higher minor one is read as 1.1 (RFC 9110, section 2.5)": [
            "HTTP/1.2", "HTTP/1.2 in a response",
        ],
        "it refuses what browsers take of a response": [
            "http in lower case", "two spaces before the status", "space before a response's colon",
            "folded response field", "lines that are no fields", "odd trailers of a response",
        ],
        "it does not look at the framing of a response without a body": [
            "unknown coding though HEAD", "coding of HTTP/1.0 though HEAD",
        ],
        "it takes two spaces for one": ["two spaces after the method"],
        "targets and hosts are not its part": [
            "* for GET", "unknown scheme", "userinfo", "CONNECT without port", "CONNECT with URL",
            "CONNECT to port 65536", "no Host", "two Hosts", "two Hosts in HTTP/1.0", "list as Host", "path in Host",
            "no number as port", "open bracket in Host", "smuggling: two Hosts", "smuggling: two hosts in Host",
            "smuggling: Host with userinfo", "smuggling: Host with path", "smuggling: Host with two ports",
            "smuggling: Host with percent", "smuggling: target with userinfo", "smuggling: target without authority",
        ],
        "it has other limits": [
            "too many fields", "too large a head", "too long a request line", "length over 63 bits",
            "chunk size over 63 bits", "too long a chunk line", "too many trailers", "too large a trailer section",
        ],
        "it does not look at a status or a reason so closely": ["status under 100", "NUL in the reason"],
        "it takes other transfer codings; only chunked can be undone here": [
            "gzip as transfer coding", "response coded until close", "smuggling: TE identity, chunked",
            "smuggling: TE cow and chunked", "smuggling: TE gzip, chunked",
        ],
        "it takes empty elements and empty fields for nothing; two hops may differ in that": [
            "smuggling: empty TE", "smuggling: TE comma chunked",
        ],
        "it reads chunks in HTTP/1.0; RFC 9112, section 6.1, calls that faulty": [
            "chunks in a response of HTTP/1.0", "smuggling: TE in HTTP/1.0",
        ],
        "it takes any trailers": ["smuggling: host among trailers"],
    ])

    static let fromH11 = byName([
        "it skips one empty line only": ["empty lines first"],
        "it allows ASCII only in targets; they are passed on as they come": ["bytes over 0x7f in the target"],
        "it refuses whitespace before an extension; RFC 9112, section 7.1.1, has it": ["chunk extensions"],
        "targets and hosts are not its part": [
            "target that is no path", "* for GET", "unknown scheme", "userinfo", "fragment in the authority",
            "CONNECT without port", "CONNECT with URL", "CONNECT to port 65536", "list as Host", "path in Host",
            "no number as port", "open bracket in Host", "smuggling: two hosts in Host",
            "smuggling: Host with userinfo", "smuggling: Host with path", "smuggling: Host with two ports",
            "smuggling: Host with percent", "smuggling: target with userinfo", "smuggling: target with backslash",
            "smuggling: target without authority",
        ],
        "it takes any version": ["HTTP/2.0", "HTTP/2 preface", "HTTP/2 status line"],
        "it takes LF for a line end; two hops may differ in that": [
            "lines end with LF", "one line ends with LF", "head ends with LF", "response lines end with LF",
            "smuggling: TE behind bare LF", "smuggling: trailer ends with LF", "smuggling: last chunk without CR",
        ],
        "it unfolds fields; RFC 9112, section 5.2, has servers refuse or replace that": [
            "folded field", "folded length in a response", "smuggling: TE folded value", "smuggling: CL folded",
        ],
        "it refuses what browsers take of a response": [
            "http in lower case", "two spaces before the status", "empty line before a status line",
            "space before a response's colon", "lines that are no fields", "odd trailers of a response",
        ],
        "it takes controls in values; RFC 9110, section 5.5, calls them invalid": [
            "escape in a value", "DEL in a value",
        ],
        "it has other limits, or none": [
            "too many fields", "too large a head", "length over 63 bits", "length over 64 bits",
            "chunk size over 63 bits", "chunk size over 64 bits", "too long a chunk line", "too many trailers",
            "smuggling: CL wraps 64 bits", "smuggling: chunk size wraps",
        ],
        "it takes controls in chunk extensions": ["NUL in a chunk extension", "smuggling: CR in a chunk extension"],
        "it waits for a whole line before it looks": ["no HTTP"],
        "it lets Transfer-Encoding win over Content-Length; RFC 9112, section 6.1, allows to refuse both": [
            "response with length and chunks", "length and coding though HEAD", "length and coding in a 304",
            "length and coding in a 204", "smuggling: CL.TE", "smuggling: TE.CL", "smuggling: CL 0 and TE",
        ],
        "it reads chunks in HTTP/1.0; RFC 9112, section 6.1, calls that faulty": [
            "chunks in a response of HTTP/1.0", "coding of HTTP/1.0 though HEAD", "smuggling: TE in HTTP/1.0",
        ],
        "it takes any trailers": [
            "smuggling: length among trailers", "smuggling: coding among trailers", "smuggling: host among trailers",
        ],
    ])

    private static func byName(_ names: [String: [String]]) -> [String: String] {
        var reasons: [String: String] = [:]
        for (reason, names) in names {
            for name in names { reasons[name] = reason }
        }
        return reasons
    }
}
