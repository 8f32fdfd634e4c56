import Glibc

extension HeaderFields: Equatable {
    /// Whether both lists have the same fields, byte for byte and in the same order.
    public static func == (left: Self, right: Self) -> Bool {
        left.count == right.count && left.countSameAtStart(as: right) == left.count
    }

    /// Whether the fields of this name have the same values in the same order in both lists; `lowercased` must be in
    /// lower case.
    public func hasSameValues(of lowercased: StaticString, as other: HeaderFields) -> Bool {
        var (own, others) = (firstIndex(of: lowercased), other.firstIndex(of: lowercased))
        while let index = own, let otherIndex = others {
            guard value(at: index) == other.value(at: otherIndex) else { return false }
            own = firstIndex(of: lowercased, from: index + 1)
            others = other.firstIndex(of: lowercased, from: otherIndex + 1)
        }
        return own == nil && others == nil
    }

    /// How many leading fields are identical in both lists.
    public func countSameAtStart(as other: HeaderFields) -> Int {
        let shorter = min(count, other.count)
        return withBytes(of: other) { own, others in
            (0..<shorter).first { !Self.isSame(fields[$0], own, other.fields[$0], others) } ?? shorter
        }
    }

    /// How many trailing fields are identical in both lists; at most `limit`.
    public func countSameAtEnd(as other: HeaderFields, limit: Int) -> Int {
        let limit = min(limit, count, other.count)
        return withBytes(of: other) { own, others in
            (0..<limit).first { distance in
                !Self.isSame(fields[count - 1 - distance], own, other.fields[other.count - 1 - distance], others)
            } ?? limit
        }
    }

    private func withBytes(
        of other: HeaderFields,
        _ body: (UnsafeRawBufferPointer, UnsafeRawBufferPointer) -> Int
    ) -> Int {
        bytes.withUnsafeBytes { own in other.bytes.withUnsafeBytes { body(own, $0) } }
    }

    /// Compares name and value at once, since the value directly follows the name.
    private static func isSame(
        _ field: Field,
        _ bytes: UnsafeRawBufferPointer,
        _ other: Field,
        _ others: UnsafeRawBufferPointer
    ) -> Bool {
        let length = field.valueEnd - field.nameStart
        guard length == other.valueEnd - other.nameStart,
            field.valueStart - field.nameStart == other.valueStart - other.nameStart
        else { return false }
        guard let base = bytes.baseAddress, let otherBase = others.baseAddress else { return length == 0 }
        return memcmp(base + Int(field.nameStart), otherBase + Int(other.nameStart), Int(length)) == 0
    }
}
