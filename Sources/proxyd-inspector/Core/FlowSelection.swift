import AddonProtocol
import ProxyCore

/// Selects flows: by a filter in the daemon's language, by words in their text, by both, or all of them.
struct FlowSelection: Sendable {
    let filter: SnapshotFilter?
    /// A query of SQLite's full-text search; nil: any text.
    let words: String?

    static let all = FlowSelection(filter: nil, words: nil)

    private init(filter: SnapshotFilter?, words: String?) {
        self.filter = filter
        self.words = words
    }

    /// - Throws: the place of the fault in the filter.
    init(filter: String?, search: String?) throws(ProtocolError) {
        let filter = filter.flatMap { $0.allSatisfy(\.isWhitespace) ? nil : $0 }
        self.filter = if let filter { try SnapshotFilter(filter) } else { nil }
        // Each word is quoted, so that none is an operator. It matches the beginnings of words too.
        let words = (search ?? "").split(whereSeparator: \.isWhitespace).map(Self.letters).filter { !$0.isEmpty }
        if words.isEmpty {
            // A search without letters or digits matches no text.
            self.words = (search ?? "").allSatisfy(\.isWhitespace) ? nil : "\"\""
        } else {
            self.words = words.map { "\"\($0)\"*" }.joined(separator: " ")
        }
    }

    /// The part of a word that the search looks for: everything but punctuation.
    private static func letters(of word: Substring) -> String {
        let scalars = word.unicodeScalars.map { scalar in
            scalar.properties.isAlphabetic || scalar.properties.numericType != nil ? Character(scalar) : " "
        }
        return String(scalars).split(separator: " ").joined(separator: " ")
    }

    var isEverything: Bool { filter == nil && words == nil }

    func matches(_ flow: MatchedFlow) -> Bool { filter?.matches(flow) ?? true }
}
