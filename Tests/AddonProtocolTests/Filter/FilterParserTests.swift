import Testing

@testable import AddonProtocol

/// Expressions and their trees, as mitmproxy 11 parses them.
struct FilterParserTests {
    @Test(arguments: [
        ("~q", "q"), ("~c 10", "c10"), ("~m foobar", "m<foobar>"), ("~u foobar", "u<foobar>"), ("foobar", "u<foobar>"),
        ("~q ~c 10", "(q & c10)"), ("foobar ~h rex", "(u<foobar> & h<rex>)"), ("~comment .", "comment<.>"),
        ("~s шгн", "(s & u<шгн>)"), ("~replay", "replay"), ("~replayq ~e", "(replayq & e)"), ("@all", "u<@all>"),
        ("~u 'foo ~u bar' ~u voing", "(u<foo ~u bar> & u<voing>)"), (#"~u 'foobar\"\''"#, #"u<foobar"'>"#),
        (#"~u "foo \'bar""#, "u<foo 'bar>"), (#"~d "\d+""#, "d<d+>"), (#"~u 'a\nb'"#, "u<a\nb>"), ("~u ''", "u<>"),
        ("(~u foobar & ~h voing)", "(u<foobar> & h<voing>)"), ("!~h test", "!h<test>"), ("!!~q", "!!q"),
        ("! ! ~q", "!!q"), ("!(~u test & ~h bar)", "!(u<test> & h<bar>)"), ("~u a | ~h b", "(u<a> | h<b>)"),
        ("a & !b | c", "((u<a> & !u<b>) | u<c>)"), ("a | b c", "((u<a> | u<b>) & u<c>)"),
        ("~q ~c 10 | ~s", "(q & (c10 | s))"), ("a !b", "(u<a> & !u<b>)"), ("a|b", "u<a|b>"), ("!a&b", "!u<a&b>"),
        ("~m get|post", "m<get|post>"), ("~c 200x", "(c200 & u<x>)"), ("foo'bar'", "(u<foo> & u<bar>)"),
        ("~u a(b)", "(u<a> & u<b>)"), ("~b x y | z", "(b<x> & (u<y> | u<z>))"), ("~d a&~m b", "(d<a&> & m<b>)"),
        ("~all", "all"), ("  ~q\n", "q"),
    ])
    func `what mitmproxy reads`(text: String, tree: String) throws {
        #expect(try FilterParser.parse(text).dump == tree)
    }

    @Test func `every atom by its name, and what quoting escapes`() throws {
        for flag in FilterFlag.allCases { #expect(try FilterParser.parse("~\(flag.rawValue)").dump == flag.rawValue) }
        for field in FilterField.allCases {
            #expect(try FilterParser.parse("~\(field.rawValue) x").dump == "\(field.rawValue)<x>")
        }
        #expect(try FilterParser.parse(#"~b 'a\n\r\t\f\\d\x'"#).dump == "b<a\n\r\t\u{c}\\dx>")
    }

    @Test(arguments: [
        ("(~q)", "q"), ("~q&~s", "(q & s)"), ("~q|~s", "(q | s)"), ("(a b) | c", "((u<a> & u<b>) | u<c>)"),
    ])
    func `what mitmproxy wants more spaces for`(text: String, tree: String) throws {
        #expect(try FilterParser.parse(text).dump == tree)
    }

    @Test(arguments: [
        ("", 0, "found the end"), ("  ", 2, "found the end"), ("~b", 2, "a regular expression after ~b"),
        ("~foo x", 0, "there is no ~foo; allowed: ~a ~all ~b"), ("~qq", 0, "there is no ~qq"),
        ("~", 0, "there is no ~"),
        ("(a", 2, "found the end; allowed: )"), ("a)", 1, "found \")\"; allowed: &, |, or an expression"),
        ("()", 1, "found \")\""),
        ("~c x", 3, "a status code after ~c"), ("~c 99999999999999999999", 3, "a status code"),
        ("a &", 3, "found the end; allowed: an atom"), ("& a", 0, "found \"&\""), ("a & & b", 4, "found \"&\""),
        ("~d 'a", 3, "the quoted text has no closing quote"), ("~d (a)", 3, "found \"(\""), ("~d a~b", 6, "after ~b"),
    ])
    func `an error says where and what is allowed`(text: String, position: Int, reason: String) {
        let error = #expect(throws: FilterError.self) { try FilterParser.parse(text) }
        #expect(error?.position == position)
        #expect(error?.reason.contains(reason) == true, "\(error?.reason ?? "")")
    }

    @Test func `size and depth are bounded`() {
        let longest = String(repeating: "a ", count: FilterParser.maximumBytes / 2)
        #expect(throws: Never.self) { try FilterParser.parse(longest) }
        let deepest = String(repeating: "!", count: FilterParser.maximumDepth - 1) + "a"
        #expect(throws: Never.self) { try FilterParser.parse(deepest) }
        #expect(throws: FilterError.self) { try FilterParser.parse("!" + deepest) }
        #expect(throws: FilterError.self) { try FilterParser.parse(longest + "a") }
        let long = String(repeating: "a ", count: 40_000)
        #expect(throws: FilterError.self) { try FilterParser.parse(long) }
        let deep = String(repeating: "(", count: 4_000) + "a"
        #expect(throws: FilterError.self) { try FilterParser.parse(deep) }
        #expect(throws: FilterError.self) { try FilterParser.parse(String(repeating: "!", count: 4_000) + "a") }
    }

    @Test func `nothing traps on any bytes`() {
        var generator = SystemRandomNumberGenerator()
        let pieces = ["~", "u", "c", "1", "(", ")", "!", "&", "|", "'", "\"", "\\", " ", "ä", "\u{0}"]
        for _ in 0..<20_000 {
            let count = Int.random(in: 0...12, using: &generator)
            let text = (0..<count).compactMap { _ in pieces.randomElement(using: &generator) }.joined()
            _ = try? FilterParser.parse(text)
        }
    }
}

extension FilterExpression<FilterPatternText> {
    fileprivate var dump: String {
        switch self {
        case .atom(.flag(let flag)): flag.rawValue
        case .atom(.status(let status)): "c\(status)"
        case .atom(.pattern(let field, let pattern)): "\(field.rawValue)<\(pattern.text)>"
        case .not(let operand): "!" + operand.dump
        case .and(let operands): "(" + operands.map(\.dump).joined(separator: " & ") + ")"
        case .or(let operands): "(" + operands.map(\.dump).joined(separator: " | ") + ")"
        }
    }
}
