/// A replacement in the syntax of Python's `re.sub`: `\1`, `\g<1>` and `\g<name>` are groups.
struct ReplacementTemplate: Sendable, Equatable {
    enum Piece: Sendable, Equatable {
        case literal([UInt8])
        case group(Int)
    }

    private(set) var pieces: [Piece] = []

    init(_ bytes: [UInt8], groups: Int, names: [String: Int]) throws(ActionFailure) {
        var literal: [UInt8] = []
        var rest = bytes[...]
        while let byte = rest.popFirst() {
            guard byte == UInt8(ascii: "\\"), let escaped = rest.popFirst() else {
                literal.append(byte)
                continue
            }
            switch Unicode.Scalar(escaped) {
            case "g" where rest.first == UInt8(ascii: "<"):
                guard let end = rest.firstIndex(of: UInt8(ascii: ">")) else {
                    throw ActionFailure("\\g< has no > in the replacement")
                }
                let name = String(decoding: rest[rest.index(after: rest.startIndex)..<end], as: UTF8.self)
                rest = rest[rest.index(after: end)...]
                try appendGroup(Int(name) ?? names[name], of: groups, called: name, after: &literal)
            case "0": literal.append(Self.octal(&rest))
            case "1"..."9":
                var number = Int(escaped) - 48
                if let next = rest.first, (0x30...0x39).contains(next), number * 10 + Int(next) - 48 <= groups {
                    number = number * 10 + Int(next) - 48
                    rest = rest.dropFirst()
                }
                try appendGroup(number, of: groups, called: "\(number)", after: &literal)
            case "a", "b", "f", "n", "r", "t", "v": literal.append(PythonEscape.control(escaped))
            case "\\": literal.append(escaped)
            case "a"..."z", "A"..."Z":
                throw ActionFailure("\\\(Unicode.Scalar(escaped)) means nothing in a replacement; \\\\ is a backslash")
            default: literal += [byte, escaped]
            }
        }
        flush(&literal)
    }

    private static func octal(_ rest: inout ArraySlice<UInt8>) -> UInt8 {
        var value = 0
        for _ in 0..<2 {
            guard let digit = rest.first, (0x30...0x37).contains(digit) else { break }
            value = value * 8 + Int(digit) - 48
            rest = rest.dropFirst()
        }
        return UInt8(value)
    }

    private mutating func appendGroup(
        _ number: Int?,
        of groups: Int,
        called name: String,
        after literal: inout [UInt8]
    ) throws(ActionFailure) {
        guard let number, (0...groups).contains(number) else {
            throw ActionFailure("the replacement names the group \(name), and the expression has \(groups) groups")
        }
        flush(&literal)
        pieces.append(.group(number))
    }

    private mutating func flush(_ literal: inout [UInt8]) {
        if !literal.isEmpty { pieces.append(.literal(literal)) }
        literal = []
    }
}
