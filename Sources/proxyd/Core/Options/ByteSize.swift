/// Byte counts as people write them: `1024`, `64k`, `1m`, `2G`. Suffixes are powers of 1024, in either case.
package enum ByteSize {
    private static let units: [(suffix: Character, factor: Int)] = [
        ("t", 1 << 40), ("g", 1 << 30), ("m", 1 << 20), ("k", 1 << 10),
    ]

    /// Parses a size; nil when it is malformed or too large for an `Int`.
    package static func parse(_ text: String) -> Int? {
        let unit = units.first { text.lowercased().hasSuffix(String($0.suffix)) }
        let digits = unit == nil ? text[...] : text.dropLast()
        guard !digits.isEmpty, digits.allSatisfy({ $0.isASCII && $0.isNumber }), let number = Int(digits) else {
            return nil
        }
        let (bytes, overflow) = number.multipliedReportingOverflow(by: unit?.factor ?? 1)
        return overflow ? nil : bytes
    }

    /// Returns the shortest exact form: `64k`, `1m`, `1000`.
    package static func format(_ bytes: Int) -> String {
        guard bytes > 0, let unit = units.first(where: { bytes % $0.factor == 0 }) else { return String(bytes) }
        return "\(bytes / unit.factor)\(unit.suffix)"
    }
}
