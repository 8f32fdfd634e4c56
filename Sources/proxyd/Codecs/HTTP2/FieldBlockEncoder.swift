package import AddonProtocol

/// Encodes the daemon's field blocks (HPACK, RFC 7541).
package struct FieldBlockEncoder {
    private var table = FieldTable()
    private var output: [UInt8] = []
    /// Table sizes to announce to the peer before the next block.
    private var resizes: [Int] = []

    /// An encoder for a new connection.
    package init() {}

    /// Applies the peer's SETTINGS_HEADER_TABLE_SIZE, from the next block on.
    package mutating func limitTable(to size: Int) {
        let capacity = min(size, FieldTable.defaultCapacity)
        guard capacity != table.capacity else { return }
        // The smallest size in between must be announced too (RFC 7541, section 4.2).
        if let smallest = resizes.first, smallest < capacity {
            resizes = [smallest, capacity]
        } else {
            resizes = [capacity]
        }
        table.resize(to: capacity)
    }

    /// The encoded block; valid until the next one is encoded.
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

    /// - Parameter index: the index of the name; 0 when the name follows.
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

    // MARK: Choosing table entries

    /// Keeps secrets out of the table, with which other streams' fields are compressed (RFC 7541, section 7.1.3).
    private static func isSecret(_ name: ArraySlice<UInt8>, _ value: ArraySlice<UInt8>) -> Bool {
        switch name.count {
        case 6: isEqual(name, ignoringCase: "cookie") && value.count < 20
        case 13: isEqual(name, ignoringCase: "authorization")
        case 19: isEqual(name, ignoringCase: "proxy-authorization")
        default: false
        }
    }

    /// Excludes values that change each time, and those that would evict everything else.
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
