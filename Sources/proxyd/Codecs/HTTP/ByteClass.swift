/// Classes of bytes by where they may occur (RFC 9110, section 5.6.2; RFC 9112, sections 3 and 5).
package struct ByteClass: OptionSet, Sendable {
    /// One bit for each class.
    package let rawValue: UInt8

    /// The classes with these bits.
    package init(rawValue: UInt8) {
        self.rawValue = rawValue
    }

    /// In methods, field names and transfer codings: letters, digits and ``!#$%&'*+-.^_`|~``.
    package static let token = ByteClass(rawValue: 1)
    /// In field values and reason phrases: everything but controls; tabs and bytes from 0x80 up are allowed.
    package static let fieldContent = ByteClass(rawValue: 2)
    /// In request targets: everything but controls and whitespace.
    package static let target = ByteClass(rawValue: 4)
    /// In host names: letters, digits and `-._~`.
    package static let host = ByteClass(rawValue: 8)

    @inline(__always)
    /// Whether the byte is in one of these classes.
    package func contains(_ byte: UInt8) -> Bool {
        byteClasses[Int(byte)] & rawValue != 0
    }

    /// Whether every byte is in one of these classes.
    package func containsAll(_ bytes: some Sequence<UInt8>) -> Bool {
        bytes.allSatisfy(contains)
    }
}

/// The classes of each byte, 16 bytes a row.
// swift-format-ignore
private let byteClasses: InlineArray<256, UInt8> = [
     0,  0,  0,  0,  0,  0,  0,  0,  0,  2,  0,  0,  0,  0,  0,  0,
     0,  0,  0,  0,  0,  0,  0,  0,  0,  0,  0,  0,  0,  0,  0,  0,
     2,  7,  6,  7,  7,  7,  7,  7,  6,  6,  7,  7,  6, 15, 15,  6,
    15, 15, 15, 15, 15, 15, 15, 15, 15, 15,  6,  6,  6,  6,  6,  6,
     6, 15, 15, 15, 15, 15, 15, 15, 15, 15, 15, 15, 15, 15, 15, 15,
    15, 15, 15, 15, 15, 15, 15, 15, 15, 15, 15,  6,  6,  6,  7, 15,
     7, 15, 15, 15, 15, 15, 15, 15, 15, 15, 15, 15, 15, 15, 15, 15,
    15, 15, 15, 15, 15, 15, 15, 15, 15, 15, 15,  6,  7,  6, 15,  0,
     6,  6,  6,  6,  6,  6,  6,  6,  6,  6,  6,  6,  6,  6,  6,  6,
     6,  6,  6,  6,  6,  6,  6,  6,  6,  6,  6,  6,  6,  6,  6,  6,
     6,  6,  6,  6,  6,  6,  6,  6,  6,  6,  6,  6,  6,  6,  6,  6,
     6,  6,  6,  6,  6,  6,  6,  6,  6,  6,  6,  6,  6,  6,  6,  6,
     6,  6,  6,  6,  6,  6,  6,  6,  6,  6,  6,  6,  6,  6,  6,  6,
     6,  6,  6,  6,  6,  6,  6,  6,  6,  6,  6,  6,  6,  6,  6,  6,
     6,  6,  6,  6,  6,  6,  6,  6,  6,  6,  6,  6,  6,  6,  6,  6,
     6,  6,  6,  6,  6,  6,  6,  6,  6,  6,  6,  6,  6,  6,  6,  6,
]
