import Testing

@testable import ProxyTools

struct TableTests {
    private let columns: [Table.Column] = [
        .init(title: "ID"), .init(title: "URL", kind: .flexible), .init(title: "SIZE", kind: .right),
    ]

    @Test func alignsColumns() {
        let lines = Table.lines(columns, [["a", "http://x/", "1 B"], ["long", "y", "1.2 kB"]], .plain)
        #expect(lines == ["ID    URL          SIZE", "a     http://x/     1 B", "long  y          1.2 kB"])
    }

    @Test func cutsTheFlexibleColumnToTheTerminal() {
        let terminal = Terminal(isTerminal: true, isColoured: false, width: 30)
        let lines = Table.lines(columns, [["a", Cell(String(repeating: "u", count: 99)), "1 B"]], terminal)
        #expect(lines.allSatisfy { $0.count <= 30 } && lines[1].contains("uuu…"))
    }

    @Test(arguments: [30, nil]) func whatIsTooLongTakesFromTheFlexibleColumn(width: Int?) {
        let columns = [
            Table.Column(title: "ID"), .init(title: "URL", kind: .flexible, leastWidth: 20), .init(title: "END"),
        ]
        let table = Table(columns, fitting: [], width: width)
        let row: [Cell] = ["longer", "u", "x"]
        #expect(table.line(row, .plain).count == table.line(["a", "u", "x"], .plain).count)
        #expect(
            table.line(["longer", Cell(String(repeating: "u", count: 99)), "x"], .plain).contains("…") == (width != nil)
        )
    }

    @Test func leavesOutWhatIsExpendableRatherThanTheRest() {
        let columns = columns + [.init(title: "CLIENT", leastWidth: 20, isExpendable: true)]
        let row: [Cell] = ["a", Cell(String(repeating: "u", count: 99)), "1 B", "127.0.0.1:1"]
        let wide = Table(columns, fitting: [row], width: 100)
        let narrow = Table(columns, fitting: [row], width: 60)
        #expect(wide.header(.plain).contains("CLIENT") && wide.line(row, .plain).hasSuffix("127.0.0.1:1"))
        #expect(!narrow.header(.plain).contains("CLIENT") && narrow.line(row, .plain).count == 60)
    }

    @Test func countsWideCharactersTwice() {
        #expect(ProxyTools.columns(of: "日本") == 4 && cut("日本語", toColumns: 5) == "日本…")
    }

    @Test func writesOutWhatSteersATerminal() {
        let row: [Cell] = [Cell("\u{1b}[31m"), Cell("\u{202e}a\n"), Cell("\u{9b}2J")]
        let lines = Table.lines(columns, [row], .plain)
        #expect(lines[1] == #"\x1b[31m  \u{202e}a\n  \x9b2J"#)
    }

    @Test func coloursOnlyWhereItMay() {
        let terminal = Terminal(isTerminal: true, isColoured: true, width: 80)
        #expect(terminal.styled("x", .red) == "\u{1b}[31mx\u{1b}[0m" && Terminal.plain.styled("x", .red) == "x")
    }
}
