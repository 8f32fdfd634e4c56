/// Ids that differ in the number at their end, which has as many digits of base 36 as it needs.
struct IDSequence {
    /// The last id, as text; the number alone changes from one to the next.
    private var text: [UInt8]
    private let prefixLength: Int

    init(prefix: String) {
        text = Array(prefix.utf8)
        prefixLength = text.count
    }

    /// The first has the number 1.
    mutating func next() -> String {
        increment()
        return String(decoding: text, as: UTF8.self)
    }

    private mutating func increment() {
        for index in (prefixLength..<text.count).reversed() {
            let digit = text[index]
            text[index] = Self.successor(of: digit)
            if digit != UInt8(ascii: "z") { return }
        }
        text.insert(UInt8(ascii: "1"), at: prefixLength)
    }

    private static func successor(of digit: UInt8) -> UInt8 {
        switch digit {
        case UInt8(ascii: "9"): UInt8(ascii: "a")
        case UInt8(ascii: "z"): UInt8(ascii: "0")
        default: digit + 1
        }
    }
}
