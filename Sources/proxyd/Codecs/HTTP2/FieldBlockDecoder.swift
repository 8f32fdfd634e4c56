import AddonProtocol

/// Decodes the field blocks of one peer (HPACK, RFC 7541).
package struct FieldBlockDecoder {
    /// The block violates RFC 7541, which ends the connection.
    package struct Malformed: Error {
        /// What is wrong, for people.
        package let reason: String
    }

    private var table = FieldTable()
    /// Names and values with their Huffman code decoded, before they are added to the block.
    private var scratch: [UInt8] = []

    /// A decoder for a new connection.
    package init() {}

    /// Decodes a whole block. A block that exceeds the limits is read to its end, to keep the table in sync, but not kept.
    package mutating func decode(
        _ bytes: UnsafeRawBufferPointer,
        _ limits: HeadLimits
    ) throws(Malformed) -> FieldBlock {
        var block = FieldBlock(limits)
        var reader = FieldBlockReader(bytes)
        while let first = reader.peek {
            switch first {
            case 0x80...:
                let entry = try entry(at: reader.integer(prefix: 7))
                block.append(entry.name, entry.value)
            case 0x40...:
                try readLiteral(&reader, prefix: 6, isAdded: true, into: &block)
            case 0x20...:
                let capacity = try reader.integer(prefix: 5)
                guard block.isEmpty, capacity <= FieldTable.defaultCapacity else {
                    throw Malformed(reason: "a change of the table's size that is not allowed")
                }
                table.resize(to: capacity)
            default:
                try readLiteral(&reader, prefix: 4, isAdded: false, into: &block)
            }
        }
        return block
    }

    private func entry(at index: Int) throws(Malformed) -> FieldTable.Entry {
        guard let entry = table.entry(at: index) else { throw Malformed(reason: "there is no field \(index)") }
        return entry
    }

    private mutating func readLiteral(
        _ reader: inout FieldBlockReader,
        prefix: Int,
        isAdded: Bool,
        into block: inout FieldBlock
    ) throws(Malformed) {
        scratch.removeAll(keepingCapacity: true)
        let index = try reader.integer(prefix: prefix)
        if index > 0 {
            scratch.append(contentsOf: try entry(at: index).name)
        } else {
            try reader.string(into: &scratch)
        }
        let nameCount = scratch.count
        try reader.string(into: &scratch)
        block.append(scratch[..<nameCount], scratch[nameCount...])
        if isAdded { table.add(name: scratch[..<nameCount], value: scratch[nameCount...]) }
    }
}

/// The primitives of a field block (RFC 7541, section 5).
private struct FieldBlockReader {
    private let bytes: UnsafeRawBufferPointer
    private var position = 0

    init(_ bytes: UnsafeRawBufferPointer) {
        self.bytes = bytes
    }

    var peek: UInt8? { position < bytes.count ? bytes[position] : nil }

    private mutating func next() throws(FieldBlockDecoder.Malformed) -> UInt8 {
        guard let byte = peek else { throw .init(reason: "the block ends within a field") }
        position += 1
        return byte
    }

    /// - Parameter prefix: how many bits of the first byte belong to the number.
    mutating func integer(prefix: Int) throws(FieldBlockDecoder.Malformed) -> Int {
        let mask = UInt8(1 << prefix - 1)
        var value = Int(try next() & mask)
        guard value == Int(mask) else { return value }
        for shift in stride(from: 0, through: 21, by: 7) {
            let byte = try next()
            value += Int(byte & 0x7f) << shift
            if byte < 0x80 { return value }
        }
        throw .init(reason: "a number that is too large")
    }

    mutating func string(into output: inout [UInt8]) throws(FieldBlockDecoder.Malformed) {
        guard let first = peek else { throw .init(reason: "the block ends within a field") }
        let count = try integer(prefix: 7)
        guard count <= bytes.count - position else { throw .init(reason: "the block ends within a field") }
        let content = UnsafeRawBufferPointer(rebasing: bytes[position..<(position + count)])
        position += count
        guard first >= 0x80 else { return output.append(contentsOf: content) }
        do {
            try HuffmanCode.decode(content, into: &output)
        } catch {
            throw .init(reason: "a string that is not in the Huffman code")
        }
    }
}
