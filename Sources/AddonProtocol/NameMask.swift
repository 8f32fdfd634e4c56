/// Which lengths and first letters the names in a list of header fields have, as bits: most lookups are for names that are
/// not there, and end here.
///
/// A name whose bit is not set is not in the list; of one whose bit is set it is not known.
@usableFromInline
struct NameMask: Sendable {
    @usableFromInline var bits: UInt64 = 0

    @inlinable
    init() {}

    @inlinable
    mutating func insert(length: Int, first: UInt8) {
        bits |= Self.bit(length, first)
    }

    @inlinable
    func mayHave(_ name: StaticString) -> Bool {
        mayHave(length: name.utf8CodeUnitCount, first: name.utf8Start.pointee)
    }

    @inlinable
    func mayHave(length: Int, first: UInt8) -> Bool {
        bits & Self.bit(length, first) != 0
    }

    /// The factor keeps the names that are looked up most apart from those that messages have most.
    @inlinable
    static func bit(_ length: Int, _ first: UInt8) -> UInt64 {
        1 << (UInt64(truncatingIfNeeded: length &* 7 &+ Int(first | 0x20)) & 63)
    }
}
