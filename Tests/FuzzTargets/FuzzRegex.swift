#if DEBUG
import AddonProtocol

@testable import ProxyCodecs
@testable import ProxyCore

/// On ASCII text whose lines end with LF, except perhaps the last one, both engines agree. (To ICU other characters end lines
/// too, and no line begins after the last LF.)
func fuzzRegex(_ input: FuzzInput) throws(FuzzFinding) {
    var input = input
    let lines: [FilterLines] = [.one, .anchorsMatchLines, .dotMatchesAll]
    let chosen = lines[input.choice(below: lines.count)]
    let bytes = input.takeToNUL()
    guard bytes.allSatisfy({ $0 < 0x80 }), let pattern = String(validating: bytes, as: UTF8.self),
        let backtracking = try? BacktrackingExpression(pattern, chosen)
    else { return }
    let text = input.rest().prefix(64).map { (0x0b...0x0d).contains($0 & 0x7f) ? 0x20 : $0 & 0x7f } + [0x2e]
    let theirs = backtracking.isFound(in: String(decoding: text, as: UTF8.self), within: .milliseconds(50))
    for isText in [true, false] {
        guard let linear = LinearExpression(bytes, chosen, isText: isText), let theirs else { continue }
        try hold(linear.isFound(in: text) == theirs, "ICU says \(theirs) of \(pattern), \(chosen), in \(text)")
    }
}
#endif
