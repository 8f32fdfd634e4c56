/// Base64 with padding (RFC 4648, section 4).
public enum Base64 {
    private static let alphabet = Array("ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+/".utf8)
    private static let padding = UInt8(ascii: "=")
    private static let invalid: UInt8 = 0xFF

    /// The sextet for each byte, or `invalid`.
    private static let sextets: [UInt8] = {
        var table = [UInt8](repeating: invalid, count: 256)
        for (sextet, byte) in alphabet.enumerated() { table[Int(byte)] = UInt8(sextet) }
        return table
    }()

    /// Encodes bytes as base64 with padding.
    public static func encode(_ bytes: [UInt8]) -> [UInt8] {
        bytes.withUnsafeBytes { bytes in
            [UInt8](capacity: length(of: bytes)) { write(bytes, into: &$0) }
        }
    }

    /// Decodes base64; nil when `text` is not base64 with padding.
    public static func decode(_ text: String) -> [UInt8]? {
        var text = text
        return text.withUTF8(decode)
    }

    static func append(_ bytes: UnsafeRawBufferPointer, to output: inout ByteOutput) {
        output.append(addingCapacity: length(of: bytes)) { write(bytes, into: &$0) }
    }

    private static func length(of bytes: UnsafeRawBufferPointer) -> Int { (bytes.count + 2) / 3 * 4 }

    private static func write(_ bytes: UnsafeRawBufferPointer, into span: inout OutputSpan<UInt8>) {
        alphabet.withUnsafeBufferPointer { alphabet in
            var index = 0
            while bytes.count - index >= 3 {
                let group = Int(bytes[index]) << 16 | Int(bytes[index + 1]) << 8 | Int(bytes[index + 2])
                span.append(alphabet[group >> 18])
                span.append(alphabet[group >> 12 & 63])
                span.append(alphabet[group >> 6 & 63])
                span.append(alphabet[group & 63])
                index += 3
            }
            let rest = bytes.count - index
            guard rest > 0 else { return }
            let group = Int(bytes[index]) << 16 | (rest == 2 ? Int(bytes[index + 1]) << 8 : 0)
            span.append(alphabet[group >> 18])
            span.append(alphabet[group >> 12 & 63])
            span.append(rest == 2 ? alphabet[group >> 6 & 63] : padding)
            span.append(padding)
        }
    }

    private static func decode(_ text: UnsafeBufferPointer<UInt8>) -> [UInt8]? {
        guard text.count % 4 == 0 else { return nil }
        guard let last = text.last else { return [] }
        let padded = last != padding ? 0 : text[text.count - 2] != padding ? 1 : 2
        var isValid = true
        let output = sextets.withUnsafeBufferPointer { sextets in
            [UInt8](capacity: text.count / 4 * 3) { span in
                for start in stride(from: 0, to: text.count, by: 4) {
                    let dropped = start + 4 == text.count ? padded : 0
                    var group = 0
                    for offset in 0..<4 - dropped {
                        let sextet = sextets[Int(text[start + offset])]
                        if sextet == invalid { isValid = false }
                        group |= Int(sextet & 63) << (18 - 6 * offset)
                    }
                    span.append(UInt8(group >> 16))
                    if dropped < 2 { span.append(UInt8(group >> 8 & 255)) }
                    if dropped < 1 { span.append(UInt8(group & 255)) }
                }
            }
        }
        return isValid ? output : nil
    }
}
