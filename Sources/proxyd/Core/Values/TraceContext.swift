import AddonProtocol

/// The distributed trace that a flow belongs to (W3C Trace Context, section 3.2), sent as `_meta.traceparent`.
struct TraceContext: Sendable, Equatable {
    /// The length of `00-TRACE_ID-PARENT_ID-FLAGS`.
    static let byteCount = 55

    let trace: (high: UInt64, low: UInt64)
    let parent: UInt64
    let flags: UInt8

    init(trace: (high: UInt64, low: UInt64), parent: UInt64, flags: UInt8) {
        self.trace = trace
        self.parent = parent
        self.flags = flags
    }

    /// Reads a `traceparent` field; nil when it is malformed. Of later versions, it reads what this version defines.
    init?(parsing text: some BidirectionalCollection<UInt8>) {
        let bytes = Array(text.prefix(Self.byteCount + 1))
        guard bytes.count >= Self.byteCount, bytes[2] == 0x2d, bytes[35] == 0x2d, bytes[52] == 0x2d else { return nil }
        guard let version = Self.number(bytes[..<2]), version != 0xff,
            bytes.count == Self.byteCount || (version > 0 && bytes[55] == 0x2d),
            let high = Self.number(bytes[3..<19]), let low = Self.number(bytes[19..<35]),
            let parent = Self.number(bytes[36..<52]), let flags = Self.number(bytes[53..<55]),
            high | low != 0, parent != 0
        else { return nil }
        self.init(trace: (high, low), parent: parent, flags: UInt8(truncatingIfNeeded: flags))
    }

    /// Reads at most 16 lower-case hexadecimal digits; nil for anything else.
    private static func number(_ digits: ArraySlice<UInt8>) -> UInt64? {
        var value: UInt64 = 0
        for digit in digits {
            switch digit {
            case UInt8(ascii: "0")...UInt8(ascii: "9"): value = value << 4 | UInt64(digit - UInt8(ascii: "0"))
            case UInt8(ascii: "a")...UInt8(ascii: "f"): value = value << 4 | UInt64(digit - UInt8(ascii: "a") + 10)
            default: return nil
            }
        }
        return value
    }

    static func == (one: TraceContext, other: TraceContext) -> Bool {
        one.trace == other.trace && one.parent == other.parent && one.flags == other.flags
    }

    /// The text of a `traceparent` field.
    var text: [UInt8] {
        [UInt8](unsafeUninitializedCapacity: Self.byteCount) { space, count in
            write(into: UnsafeMutableRawBufferPointer(space))
            count = Self.byteCount
        }
    }

    /// Writes the text into the first `byteCount` bytes.
    func write(into space: UnsafeMutableRawBufferPointer) {
        precondition(space.count >= Self.byteCount)
        let (zero, dash) = (UInt8(ascii: "0"), UInt8(ascii: "-"))
        (space[0], space[1], space[2]) = (zero, zero, dash)
        Self.store(trace.high, in: space, at: 3)
        Self.store(trace.low, in: space, at: 19)
        space[35] = dash
        Self.store(parent, in: space, at: 36)
        space[52] = dash
        let flags = Self.digits(of: UInt32(flags))
        space[53] = UInt8(truncatingIfNeeded: flags >> 8)
        space[54] = UInt8(truncatingIfNeeded: flags)
    }

    private static func store(_ number: UInt64, in space: UnsafeMutableRawBufferPointer, at offset: Int) {
        let (high, low) = (UInt32(truncatingIfNeeded: number >> 32), UInt32(truncatingIfNeeded: number))
        space.storeBytes(of: digits(of: high).bigEndian, toByteOffset: offset, as: UInt64.self)
        space.storeBytes(of: digits(of: low).bigEndian, toByteOffset: offset + 8, as: UInt64.self)
    }

    /// The eight hexadecimal digits of a number, the first in the highest byte. All are computed at once, since every
    /// event needs some.
    static func digits(of number: UInt32) -> UInt64 {
        var nibbles = UInt64(number)
        nibbles = (nibbles << 16 | nibbles) & 0x0000_ffff_0000_ffff
        nibbles = (nibbles << 8 | nibbles) & 0x00ff_00ff_00ff_00ff
        nibbles = (nibbles << 4 | nibbles) & 0x0f0f_0f0f_0f0f_0f0f
        let isLetter = (nibbles &+ 0x0606_0606_0606_0606) >> 4 & 0x0101_0101_0101_0101
        return nibbles &+ 0x3030_3030_3030_3030 &+ isLetter &* UInt64(UInt8(ascii: "a") - UInt8(ascii: "0") - 10)
    }
}

extension RandomKeys {
    /// A new trace of the daemon's own, marked as sampled.
    mutating func nextTrace() -> TraceContext {
        TraceContext(trace: (nextID(), nextID()), parent: nextID(), flags: 1)
    }

    /// Never 0, which is not a valid id.
    private mutating func nextID() -> UInt64 { max(1, UInt64(next()) << 32 | UInt64(next())) }
}
