import AddonProtocol

/// A piece of a line, with control characters escaped.
struct Cell: Sendable, Equatable, ExpressibleByStringLiteral {
    let text: String
    let style: Style?

    init(_ text: String, _ style: Style? = nil) {
        self.text = escapedForTerminal(text)
        self.style = style
    }

    init(stringLiteral value: String) { self.init(value) }
}

/// Rows of aligned columns.
struct Table: Sendable {
    struct Column: Sendable {
        enum Kind: Sendable {
            case left
            case right
            /// Cut when the lines would be wider than the terminal.
            case flexible
        }

        var title: String
        var kind = Kind.left
        /// Makes room for rows that come later.
        var leastWidth = 0
        /// Whether to drop the column when the flexible one would have too little room. The first such column is dropped first.
        var isExpendable = false
    }

    static let leastFlexibleWidth = 12
    /// Less than this is too little to read.
    static let goodFlexibleWidth = 40
    private static let gap = "  "

    let columns: [Column]
    private var widths: [Int]
    /// The indices of the columns that are kept.
    private var shown: [Int]
    private let isCut: Bool

    /// - Parameter width: the terminal's width in columns; nil: nothing is cut.
    init(_ columns: [Column], fitting rows: [[Cell]], width: Int?) {
        self.columns = columns
        widths = columns.indices.map { index in
            let cells = rows.map { ProxyTools.columns(of: $0[index].text) }
            return max(columns[index].title.count, columns[index].leastWidth, cells.max() ?? 0)
        }
        shown = Array(columns.indices)
        isCut = width != nil
        if let width, let flexible = columns.firstIndex(where: { $0.kind == .flexible }) { fit(flexible, into: width) }
    }

    private mutating func fit(_ flexible: Int, into width: Int) {
        func room() -> Int {
            width - shown.map { widths[$0] }.reduce(0, +) + widths[flexible] - Self.gap.count * (shown.count - 1)
        }
        while room() < min(widths[flexible], Self.goodFlexibleWidth),
            let expendable = shown.firstIndex(where: { columns[$0].isExpendable })
        { shown.remove(at: expendable) }
        widths[flexible] = max(min(widths[flexible], room()), Self.leastFlexibleWidth)
    }

    func header(_ terminal: Terminal) -> String {
        line(columns.map { Cell($0.title, .dim) }, terminal)
    }

    /// A cell too long for its column takes room from the flexible one, so that the columns after both stay aligned.
    func line(_ cells: [Cell], _ terminal: Terminal) -> String {
        let excess = shown.dropLast().filter { columns[$0].kind != .flexible }
            .reduce(0) { $0 + max(0, ProxyTools.columns(of: cells[$1].text) - widths[$1]) }
        let texts = shown.map { index in
            let (cell, isFlexible) = (cells[index], columns[index].kind == .flexible)
            let least = min(widths[index], Self.leastFlexibleWidth)
            let width = isFlexible ? max(widths[index] - excess, least) : widths[index]
            let text = isFlexible && isCut ? cut(cell.text, toColumns: width) : cell.text
            let padding = String(repeating: " ", count: max(0, width - ProxyTools.columns(of: text)))
            let styled = terminal.styled(text, cell.style)
            if columns[index].kind == .right { return padding + styled }
            return index == shown.last ? styled : styled + padding
        }
        let line = texts.joined(separator: Self.gap)
        return String(line.reversed().drop { $0 == " " }.reversed())
    }

    /// A title line and the rows.
    static func lines(_ columns: [Column], _ rows: [[Cell]], _ terminal: Terminal) -> [String] {
        let table = Table(columns, fitting: rows, width: terminal.width)
        return [table.header(terminal)] + rows.map { table.line($0, terminal) }
    }
}
