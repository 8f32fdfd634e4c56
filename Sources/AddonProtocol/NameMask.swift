/// A bit set of the lengths and first letters of the names in a header field list. Most lookups are for missing names,
/// and end here.
///
/// A name whose bit is not set is not in the list. If the bit is set, it may be.
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

    /// The factor separates the names looked up most often from those that occur most often in messages.
    @inlinable
    static func bit(_ length: Int, _ first: UInt8) -> UInt64 {
        1 << (UInt64(truncatingIfNeeded: length &* 7 &+ Int(first | 0x20)) & 63)
    }
}
