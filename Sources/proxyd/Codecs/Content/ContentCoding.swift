package import AddonProtocol
package import NIOCore

/// A content coding (RFC 9110, section 8.4.1) that the daemon can decode and encode.
package enum ContentCoding: Sendable, Equatable, CaseIterable {
    case gzip
    case deflate
    case br
    case zstd

    /// The coding that a Content-Encoding field names, in any case.
    package init?(name: some Collection<UInt8>) {
        switch String(decoding: name.map(asciiLowercase), as: UTF8.self) {
        case "gzip", "x-gzip": self = .gzip
        case "deflate": self = .deflate
        case "br": self = .br
        case "zstd": self = .zstd
        default: return nil
        }
    }

    /// The bytes without this coding. Decoding never produces more than `limit` bytes.
    package func decode(_ bytes: ByteBuffer, limit: Int) throws(ContentCodingError) -> ByteBuffer {
        switch self {
        case .gzip: try Zlib.gunzip(bytes, limit: limit)
        case .deflate: try Zlib.inflate(bytes, limit: limit)
        case .br: try Brotli.decode(bytes, limit: limit)
        case .zstd: try Zstandard.decode(bytes, limit: limit)
        }
    }

    /// The bytes in this coding.
    package func encode(_ bytes: ByteBuffer) throws(ContentCodingError) -> ByteBuffer {
        switch self {
        case .gzip: try Zlib.deflate(bytes, as: .gzip)
        case .deflate: try Zlib.deflate(bytes, as: .zlib)
        case .br: try Brotli.encode(bytes)
        case .zstd: try Zstandard.encode(bytes)
        }
    }
}

/// Why a body cannot be decoded or encoded.
package enum ContentCodingError: Error, Sendable, Equatable, CustomStringConvertible {
    case unknown(String)
    case tooMany(limit: Int)
    /// The bytes are not valid in this coding.
    case malformed(ContentCoding, String)
    case tooLarge(limit: Int)
    /// The library ran out of memory, or rejected its arguments.
    case failed(ContentCoding, String)

    /// The error for people.
    package var description: String {
        switch self {
        case .unknown(let name): "unknown content coding \"\(name)\"; known: gzip, deflate, br, zstd"
        case .tooMany(let limit): "more than \(limit) content codings on one body"
        case .malformed(let coding, let reason): "content is not \(coding): \(reason)"
        case .tooLarge(let limit): "decoded content is larger than decoded_size_limit, \(limit) bytes"
        case .failed(let coding, let reason): "\(coding) failed: \(reason)"
        }
    }
}

/// The codings of one body, in the order in which they were applied, as Content-Encoding lists them.
package struct ContentCodings: Sendable, Equatable {
    /// The most codings of one body that are decoded.
    package static let maximum = 4

    let codings: [ContentCoding]

    /// The codings in a message's fields. `identity` and empty elements do not count.
    package init(of fields: HeaderFields) throws(ContentCodingError) {
        var codings: [ContentCoding] = []
        for name in fields.tokens("content-encoding") where !name.elementsEqual("identity".utf8) {
            guard let coding = ContentCoding(name: name) else {
                throw .unknown(String(decoding: name.prefix(64), as: UTF8.self))
            }
            codings.append(coding)
        }
        guard codings.count <= Self.maximum else { throw .tooMany(limit: Self.maximum) }
        self.codings = codings
    }

    /// Whether there are no codings.
    package var isEmpty: Bool { codings.isEmpty }

    /// The bytes without any coding. `limit` also bounds the intermediate results. No bytes stay no bytes, as in the answer to
    /// a HEAD request.
    package func decode(_ bytes: ByteBuffer, limit: Int) throws(ContentCodingError) -> ByteBuffer {
        guard bytes.readableBytes > 0 else { return bytes }
        var result = bytes
        for coding in codings.reversed() { result = try coding.decode(result, limit: limit) }
        return result
    }

    /// The bytes in these codings.
    package func encode(_ bytes: ByteBuffer) throws(ContentCodingError) -> ByteBuffer {
        var result = bytes
        for coding in codings { result = try coding.encode(result) }
        return result
    }
}

extension ContentCodings {
    /// The content in the codings that a message's fields name; nil when one of them is unknown.
    package static func coded(_ plain: [UInt8], as fields: HeaderFields) -> [UInt8]? {
        guard let codings = try? ContentCodings(of: fields), let coded = try? codings.encode(ByteBuffer(bytes: plain))
        else {
            return nil
        }
        return Array(coded.readableBytesView)
    }

    /// The content without the codings that a message's fields name; nil when they name none, one of them is unknown, the
    /// content is not in them, or it would be larger than `limit` bytes.
    package static func decoded(_ coded: [UInt8], as fields: HeaderFields, limit: Int) -> [UInt8]? {
        guard let codings = try? ContentCodings(of: fields), !codings.isEmpty,
            let plain = try? codings.decode(ByteBuffer(bytes: coded), limit: limit)
        else {
            return nil
        }
        return Array(plain.readableBytesView)
    }

    /// Whether content is not in the codings that its fields name, though all of them are known.
    package static func areMissing(in content: [UInt8], _ fields: HeaderFields, limit: Int) -> Bool {
        guard !content.isEmpty, let codings = try? ContentCodings(of: fields), !codings.isEmpty else { return false }
        do throws(ContentCodingError) {
            _ = try codings.decode(ByteBuffer(bytes: content), limit: limit)
            return false
        } catch {
            if case .malformed = error { return true }
            return false
        }
    }
}

/// The output of a decoder, up to a limit.
struct BoundedOutput: ~Copyable {
    private(set) var bytes = ByteBuffer()
    private let limit: Int

    init(limit: Int) {
        self.limit = limit
    }

    /// Calls `body` with free space, for it to fill and return how much it filled.
    mutating func fill(_ body: (UnsafeMutableRawBufferPointer) -> Int) throws(ContentCodingError) {
        bytes.writeWithUnsafeMutableBytes(minimumWritableBytes: Self.step, body)
        guard bytes.readableBytes <= limit else { throw .tooLarge(limit: limit) }
    }

    private static let step = 16 * 1024
}
