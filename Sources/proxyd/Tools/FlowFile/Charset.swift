import Foundation

/// Encodes the text of bodies, which HAR files hold as Unicode, in the charset of the original.
enum Charset {
    private static let encodings: [String: String.Encoding] = [
        "iso-8859-1": .windowsCP1252, "latin1": .windowsCP1252, "windows-1252": .windowsCP1252, "us-ascii": .ascii,
        "iso-8859-2": .isoLatin2, "windows-1250": .windowsCP1250, "windows-1251": .windowsCP1251,
        "windows-1253": .windowsCP1253, "windows-1254": .windowsCP1254, "utf-16": .utf16,
        "utf-16le": .utf16LittleEndian,
        "utf-16be": .utf16BigEndian, "shift_jis": .shiftJIS, "euc-jp": .japaneseEUC, "iso-2022-jp": .iso2022JP,
    ]

    /// The text in the charset that a Content-Type names. It is UTF-8 when the Content-Type names none, an unknown one, or one
    /// that lacks some of the text's characters.
    static func encode(_ text: String, asIn contentType: String) -> [UInt8] {
        let parameters = contentType.split(separator: ";").dropFirst()
        let name = parameters.lazy.map { $0.trimmingCharacters(in: .whitespaces).lowercased() }
            .first { $0.hasPrefix("charset=") }?
            .dropFirst("charset=".count).trimmingCharacters(in: CharacterSet(charactersIn: "\""))
        guard let encoding = name.flatMap({ encodings[$0] }), let data = text.data(using: encoding) else {
            return Array(text.utf8)
        }
        return Array(data)
    }
}
