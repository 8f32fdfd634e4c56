/// Writes numbers as decimal text.
enum Decimal {
    private static let maximumDigits = 20

    static func append(_ value: Int, to output: inout ByteOutput) {
        withUnsafeTemporaryAllocation(of: UInt8.self, capacity: maximumDigits + 1) { digits in
            var start = digits.count
            var rest = value.magnitude
            repeat {
                start -= 1
                digits[start] = UInt8(ascii: "0") + UInt8(truncatingIfNeeded: rest % 10)
                rest /= 10
            } while rest > 0
            if value < 0 {
                start -= 1
                digits[start] = UInt8(ascii: "-")
            }
            output.append(copying: UnsafeRawBufferPointer(UnsafeMutableBufferPointer(rebasing: digits[start...])))
        }
    }

    /// Appends the shortest decimal that reads back as `value`, which must be finite.
    static func append(_ value: Double, to output: inout ByteOutput) {
        guard let millionths = wholeMillionths(value) else {
            var text = value.description
            return text.withUTF8 { output.append(copying: UnsafeRawBufferPointer($0)) }
        }
        append(millionths / 1_000_000, to: &output)
        output.append(UInt8(ascii: "."))
        appendFraction(millionths % 1_000_000, to: &output)
    }

    /// Times in seconds are mostly whole microseconds, which this path writes five times as fast. Below 2^51, a double
    /// has at most one shortest decimal with six places, and this is it.
    private static func wholeMillionths(_ value: Double) -> Int? {
        let scaled = (value * 1_000_000).rounded()
        guard value >= 0, value.sign == .plus, scaled < 0x1p51, scaled / 1_000_000 == value else { return nil }
        return Int(scaled)
    }

    private static func appendFraction(_ millionths: Int, to output: inout ByteOutput) {
        output.append(addingCapacity: 6) { span in
            var rest = millionths
            var divisor = 100_000
            repeat {
                span.append(UInt8(ascii: "0") + UInt8(truncatingIfNeeded: rest / divisor))
                rest %= divisor
                divisor /= 10
            } while rest > 0
        }
    }

    static func hexadecimal(_ nibble: UInt8) -> UInt8 {
        nibble < 10 ? UInt8(ascii: "0") + nibble : UInt8(ascii: "a") + nibble - 10
    }
}
