package import AddonProtocol

/// Writes our field blocks (RFC 7541), as bytes.
package struct FieldBlockEncoder {
    private var table = FieldTable()
    private var output: [UInt8] = []
    /// Sizes of the table that the peer has to be told of before the next block.
    private var resizes: [Int] = []

    package init() {}

    /// Takes on SETTINGS_HEADER_TABLE_SIZE of the peer, from the next block on.
    package mutating func limitTable(to size: Int) {
        let capacity = min(size, FieldTable.defaultCapacity)
        guard capacity != table.capacity else { return }
        // The smallest in between is told too (RFC 7541, section 4.2).
        if let smallest = resizes.first, smallest < capacity {
            resizes = [smallest, capacity]
        } else {
            resizes = [capacity]
        }
        table.resize(to: capacity)
    }

    /// The block; valid until the next is encoded.
    package mutating func encode(_ fields: HeaderFields) -> [UInt8] {
        output.removeAll(keepingCapacity: true)
        for size in resizes { write(size, prefix: 5, 0x20) }
        resizes = []
        for index in 0..<fields.count { write(name: fields.name(at: index), value: fields.value(at: index)) }
        return output
    }

    private mutating func write(name: ArraySlice<UInt8>, value: ArraySlice<UInt8>) {
        let isSecret = Self.isSecret(name, value)
        switch table.match(name: name, value: value) {
        case .field(let index) where !isSecret:
            write(index, prefix: 7, 0x80)
        case .field(let index), .name(let index):
            writeStart(name, value, index, isSecret: isSecret)
            write(string: value)
        case .none:
            writeStart(name, value, 0, isSecret: isSecret)
            write(string: name)
            write(string: value)
        }
    }

    /// - Parameter index: of the name; 0 when it follows.
    private mutating func writeStart(
        _ name: ArraySlice<UInt8>,
        _ value: ArraySlice<UInt8>,
        _ index: Int,
        isSecret: Bool
    ) {
        if isSecret { return write(index, prefix: 4, 0x10) }
        guard isWorthATableEntry(name, value) else { return write(index, prefix: 4, 0) }
        write(index, prefix: 6, 0x40)
        table.add(name: name, value: value)
    }

    // MARK: What goes into the table

    /// Secrets stay out of the table that other streams' fields are compressed with (RFC 7541, section 7.1.3).
    private static func isSecret(_ name: ArraySlice<UInt8>, _ value: ArraySlice<UInt8>) -> Bool {
        switch name.count {
        case 6: isEqual(name, ignoringCase: "cookie") && value.count < 20
        case 13: isEqual(name, ignoringCase: "authorization")
        case 19: isEqual(name, ignoringCase: "proxy-authorization")
        default: false
        }
    }

    /// Not what is different each time, nor what would push everything else out.
    private func isWorthATableEntry(_ name: ArraySlice<UInt8>, _ value: ArraySlice<UInt8>) -> Bool {
        guard FieldTable.size(name.count + value.count) <= table.capacity / 2 else { return false }
        return switch name.count {
        case 3: !isEqual(name, ignoringCase: "age")
        case 4: !isEqual(name, ignoringCase: "etag")
        case 5: !isEqual(name, ignoringCase: ":path")
        case 8: !isEqual(name, ignoringCase: "location")
        case 10: !isEqual(name, ignoringCase: "set-cookie")
        case 13: !isEqual(name, ignoringCase: "content-range") && !isEqual(name, ignoringCase: "if-none-match")
        case 14: !isEqual(name, ignoringCase: "content-length")
        case 17: !isEqual(name, ignoringCase: "if-modified-since")
        default: true
        }
    }

    // MARK: Primitives (RFC 7541, section 5)

    private mutating func write(_ value: Int, prefix: Int, _ start: UInt8) {
        let most = 1 << prefix - 1
        guard value >= most else { return output.append(start | UInt8(value)) }
        output.append(start | UInt8(most))
        var rest = value - most
        while rest >= 0x80 {
            output.append(UInt8(rest & 0x7f) | 0x80)
            rest >>= 7
        }
        output.append(UInt8(rest))
    }

    private mutating func write(string: ArraySlice<UInt8>) {
        let count = HuffmanCode.encodedCount(string)
        if count < string.count {
            write(count, prefix: 7, 0x80)
            HuffmanCode.encode(string, into: &output)
        } else {
            write(string.count, prefix: 7, 0)
            output.append(contentsOf: string)
        }
    }
}
