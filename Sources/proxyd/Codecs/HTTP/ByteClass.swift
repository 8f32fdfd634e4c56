/// Which bytes may stand where (RFC 9110, section 5.6.2; RFC 9112, sections 3 and 5).
package struct ByteClass: OptionSet, Sendable {
    package let rawValue: UInt8

    package init(rawValue: UInt8) {
        self.rawValue = rawValue
    }

    /// Methods, field names, transfer codings: letters, digits and ``!#$%&'*+-.^_`|~``.
    package static let token = ByteClass(rawValue: 1)
    /// Field values and reason phrases: everything but controls; a tab is allowed, and so are bytes from 0x80 up.
    package static let fieldContent = ByteClass(rawValue: 2)
    /// Request targets: everything but controls and whitespace.
    package static let target = ByteClass(rawValue: 4)
    /// Host names: letters, digits and `-._~`.
    package static let host = ByteClass(rawValue: 8)

    @inline(__always)
    package func contains(_ byte: UInt8) -> Bool {
        byteClasses[Int(byte)] & rawValue != 0
    }

    package func containsAll(_ bytes: some Sequence<UInt8>) -> Bool {
        bytes.allSatisfy(contains)
    }
}

/// For each byte the classes it belongs to, 16 a row.
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
