package import AddonProtocol

/// The fields of one field block (RFC 9113, section 4.3) in their order, including the pseudo-header fields.
package struct FieldBlock {
    /// The fields so far.
    package private(set) var fields = HeaderFields()
    /// Why fields are missing; nil: none are.
    package private(set) var excess: HTTP1Error?
    private let limits: HeadLimits
    private var bytes = 0
    /// The number of fields that are not pseudo-header fields.
    private var count = 0

    /// An empty block with these limits.
    package init(_ limits: HeadLimits) {
        self.limits = limits
        fields.reserveCapacity(fields: 16, bytes: 512)
    }

    /// Whether no field has been added.
    package var isEmpty: Bool { fields.isEmpty && excess == nil }

    /// Adds a field, unless that would exceed the limits.
    package mutating func append(_ name: ArraySlice<UInt8>, _ value: ArraySlice<UInt8>) {
        guard excess == nil else { return }
        bytes += name.count + value.count + 4
        guard bytes <= limits.bytes else {
            excess = HTTP1Error(.headTooLarge, "the head is larger than \(limits.bytes) bytes, the limit")
            return
        }
        if name.first != UInt8(ascii: ":") { count += 1 }
        guard count <= limits.fields else {
            excess = HTTP1Error(.tooManyFields, "more than \(limits.fields) fields, the limit")
            return
        }
        fields.append(name: name, value: value)
    }

    /// Whether this is the head of an interim response (RFC 9110, section 15.2).
    package static func isInterim(_ fields: HeaderFields) -> Bool {
        fields.first(":status")?.first == UInt8(ascii: "1")
    }
}
