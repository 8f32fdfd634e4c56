/// A client's ClientHello (RFC 8446, section 4.1.2), with everything that a JA4 fingerprint needs.
///
/// Lists are in wire order and include the reserved values (GREASE, RFC 8701). A list whose extension is absent or
/// malformed is empty.
package struct ClientHello: Sendable, Hashable {
    /// The version field of the message itself, 0x0303 for TLS 1.2 and later.
    package var legacyVersion: UInt16 = 0
    /// The offered cipher suites.
    package var cipherSuites: [UInt16] = []
    /// The types of all extensions, including those that OpenSSL does not know.
    package var extensions: [UInt16] = []
    /// The host name in the server_name extension (RFC 6066, section 3) in lower case; nil when there is none, or when
    /// it is not a DNS name (over-long, a NUL, not ASCII).
    package var serverName: String?
    /// The offered ALPN protocols (RFC 7301, section 3.1).
    package var alpnProtocols: [String] = []
    /// The bytes of the first ALPN protocol, which need not be text.
    package var firstALPNProtocol: [UInt8] = []
    /// The versions in the supported_versions extension.
    package var supportedVersions: [UInt16] = []
    /// The groups in the supported_groups extension.
    package var supportedGroups: [UInt16] = []
    /// The algorithms in the signature_algorithms extension.
    package var signatureAlgorithms: [UInt16] = []

    /// An empty ClientHello.
    package init() {}
}

extension ClientHello {
    /// Parses a handshake message with its header of four bytes; nil when its structure is invalid.
    init?(message: UnsafeRawBufferPointer) {
        var reader = WireReader(message)
        guard reader.readInteger(bytes: 1) == 1, var body = reader.readVector(lengthBytes: 3),
            let version = body.readUInt16(), body.skip(32), body.readVector(lengthBytes: 1) != nil,
            let cipherSuites = body.readVector(lengthBytes: 2)?.allUInt16(),
            body.readVector(lengthBytes: 1) != nil
        else { return nil }
        self.legacyVersion = version
        self.cipherSuites = cipherSuites
        guard !body.isEmpty else { return }
        guard var extensions = body.readVector(lengthBytes: 2) else { return nil }
        while !extensions.isEmpty {
            guard let type = extensions.readUInt16(), let data = extensions.readVector(lengthBytes: 2) else {
                return nil
            }
            self.extensions.append(type)
            read(type, data)
        }
    }

    private mutating func read(_ type: UInt16, _ data: WireReader) {
        var data = data
        switch type {
        case 0: serverName = Self.hostName(&data)
        case 10: supportedGroups = data.readVector(lengthBytes: 2)?.allUInt16() ?? []
        case 13: signatureAlgorithms = data.readVector(lengthBytes: 2)?.allUInt16() ?? []
        case 16:
            let names = Self.protocols(&data)
            alpnProtocols = names.map { String(decoding: $0, as: UTF8.self) }
            firstALPNProtocol = names.first ?? []
        case 43: supportedVersions = data.readVector(lengthBytes: 1)?.allUInt16() ?? []
        default: break
        }
    }

    private static func hostName(_ data: inout WireReader) -> String? {
        guard var list = data.readVector(lengthBytes: 2), list.readInteger(bytes: 1) == 0,
            let name = list.readVector(lengthBytes: 2)
        else { return nil }
        return LeafRequest.dnsName(name.text)
    }

    private static func protocols(_ data: inout WireReader) -> [[UInt8]] {
        guard var list = data.readVector(lengthBytes: 2) else { return [] }
        var protocols: [[UInt8]] = []
        while let name = list.readVector(lengthBytes: 1) { protocols.append(name.all) }
        return protocols
    }
}

/// Reads big-endian integers and length-prefixed vectors (RFC 8446, section 3), never past the end.
private struct WireReader {
    private var bytes: Slice<UnsafeRawBufferPointer>

    init(_ bytes: UnsafeRawBufferPointer) {
        self.bytes = bytes[...]
    }

    private init(_ bytes: Slice<UnsafeRawBufferPointer>) {
        self.bytes = bytes
    }

    var isEmpty: Bool { bytes.isEmpty }
    var all: [UInt8] { Array(bytes) }
    var text: String { String(decoding: bytes, as: UTF8.self) }

    mutating func skip(_ count: Int) -> Bool {
        guard bytes.count >= count else { return false }
        bytes = bytes.dropFirst(count)
        return true
    }

    mutating func readInteger(bytes count: Int) -> Int? {
        guard bytes.count >= count else { return nil }
        defer { bytes = bytes.dropFirst(count) }
        return bytes.prefix(count).reduce(0) { $0 << 8 | Int($1) }
    }

    mutating func readUInt16() -> UInt16? {
        readInteger(bytes: 2).map { UInt16(truncatingIfNeeded: $0) }
    }

    mutating func readVector(lengthBytes: Int) -> WireReader? {
        guard let count = readInteger(bytes: lengthBytes), bytes.count >= count else { return nil }
        defer { bytes = bytes.dropFirst(count) }
        return WireReader(bytes.prefix(count))
    }

    /// The rest as integers; empty when it does not divide evenly.
    func allUInt16() -> [UInt16] {
        guard bytes.count.isMultiple(of: 2) else { return [] }
        var rest = self
        var values: [UInt16] = []
        while let value = rest.readUInt16() { values.append(value) }
        return values
    }
}
