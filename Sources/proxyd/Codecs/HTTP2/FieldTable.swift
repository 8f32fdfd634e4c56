import NIOCore

/// The fields that a field block may refer to by index (RFC 7541, section 2.3): the static ones, and earlier ones of the
/// connection.
struct FieldTable {
    struct Entry: Sendable {
        /// The name followed by the value.
        let bytes: [UInt8]
        let nameCount: Int

        var name: ArraySlice<UInt8> { bytes[..<nameCount] }
        var value: ArraySlice<UInt8> { bytes[nameCount...] }
        /// The size as defined in RFC 7541, section 4.1.
        var size: Int { FieldTable.size(bytes.count) }
    }

    enum Match {
        case field(Int)
        case name(Int)
        case none
    }

    /// Oldest first.
    private var entries = CircularBuffer<Entry>(initialCapacity: 0)
    private var keys = CircularBuffer<Key>(initialCapacity: 0)
    private var size = 0
    /// In bytes.
    private(set) var capacity = defaultCapacity

    /// The initial size (RFC 9113, section 6.5.2).
    static let defaultCapacity = 4096

    static func size(_ bytes: Int) -> Int { bytes + 32 }

    /// The field at an index from the wire; nil when there is none.
    func entry(at index: Int) -> Entry? {
        if Self.fixed.indices.contains(index - 1) { return Self.fixed[index - 1] }
        let age = index - Self.fixed.count - 1
        guard age >= 0, age < entries.count else { return nil }
        return entries[offset: entries.count - 1 - age]
    }

    mutating func resize(to capacity: Int) {
        self.capacity = capacity
        makeRoom(for: 0)
    }

    /// Adds a field. One that does not fit at all empties the table (RFC 7541, section 4.4).
    mutating func add(name: ArraySlice<UInt8>, value: ArraySlice<UInt8>) {
        let added = Self.size(name.count + value.count)
        makeRoom(for: added)
        guard added <= capacity else { return }
        var bytes: [UInt8] = []
        bytes.reserveCapacity(name.count + value.count)
        bytes.append(contentsOf: name)
        bytes.append(contentsOf: value)
        entries.append(Entry(bytes: bytes, nameCount: name.count))
        keys.append(Key(name, value))
        size += added
    }

    private mutating func makeRoom(for added: Int) {
        while size > capacity - added, let oldest = entries.popFirst() {
            keys.removeFirst()
            size -= oldest.size
        }
    }

    // MARK: Search

    /// The index of the field, or else of one with its name. The newest comes first, since it has the smallest index.
    func match(name: ArraySlice<UInt8>, value: ArraySlice<UInt8>) -> Match {
        let key = Key(name, value)
        var named = Match.none
        let fixedKeys = Self.fixedKeys
        for index in fixedKeys.indices where fixedKeys[index].name == key.name {
            let other = fixedKeys[index]
            guard Self.fixed[index].name == name else { continue }
            if other.field == key.field, Self.fixed[index].value == value { return .field(index + 1) }
            if case .none = named { named = .name(index + 1) }
        }
        for age in 0..<keys.count {
            let other = keys[offset: keys.count - 1 - age]
            guard other.name == key.name else { continue }
            let entry = entries[offset: keys.count - 1 - age]
            guard entry.name == name else { continue }
            let index = Self.fixed.count + 1 + age
            if other.field == key.field, entry.value == value { return .field(index) }
            if case .none = named { named = .name(index) }
        }
        return named
    }

    /// Hashes that rule out most entries without comparing their bytes.
    private struct Key: Sendable {
        let name: UInt32
        let field: UInt32

        init(_ name: ArraySlice<UInt8>, _ value: ArraySlice<UInt8>) {
            self.name = Self.hash(name, 2_166_136_261)
            field = Self.hash(value, self.name)
        }

        /// The FNV-1a hash.
        private static func hash(_ bytes: ArraySlice<UInt8>, _ start: UInt32) -> UInt32 {
            bytes.reduce(start) { ($0 ^ UInt32($1)) &* 16_777_619 }
        }
    }

    private static let fixed: [Entry] = staticFields.map { name, value in
        Entry(bytes: Array(name.utf8) + Array(value.utf8), nameCount: name.utf8.count)
    }

    private static let fixedKeys: [Key] = fixed.map { Key($0.name, $0.value) }
}

/// The static table (RFC 7541, appendix A).
private let staticFields: [(String, String)] = [
    (":authority", ""), (":method", "GET"), (":method", "POST"), (":path", "/"), (":path", "/index.html"),
    (":scheme", "http"), (":scheme", "https"), (":status", "200"), (":status", "204"), (":status", "206"),
    (":status", "304"), (":status", "400"), (":status", "404"), (":status", "500"), ("accept-charset", ""),
    ("accept-encoding", "gzip, deflate"), ("accept-language", ""), ("accept-ranges", ""), ("accept", ""),
    ("access-control-allow-origin", ""), ("age", ""), ("allow", ""), ("authorization", ""), ("cache-control", ""),
    ("content-disposition", ""), ("content-encoding", ""), ("content-language", ""), ("content-length", ""),
    ("content-location", ""), ("content-range", ""), ("content-type", ""), ("cookie", ""), ("date", ""), ("etag", ""),
    ("expect", ""), ("expires", ""), ("from", ""), ("host", ""), ("if-match", ""), ("if-modified-since", ""),
    ("if-none-match", ""), ("if-range", ""), ("if-unmodified-since", ""), ("last-modified", ""), ("link", ""),
    ("location", ""), ("max-forwards", ""), ("proxy-authenticate", ""), ("proxy-authorization", ""), ("range", ""),
    ("referer", ""), ("refresh", ""), ("retry-after", ""), ("server", ""), ("set-cookie", ""),
    ("strict-transport-security", ""), ("transfer-encoding", ""), ("user-agent", ""), ("vary", ""), ("via", ""),
    ("www-authenticate", ""),
]
