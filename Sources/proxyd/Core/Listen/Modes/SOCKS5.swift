import NIOCore
import ProxyCodecs

/// The messages of SOCKS 5 (RFC 1928) and of its username/password login (RFC 1929), as pure values.
enum SOCKS5 {
    /// Authentication methods (RFC 1928, section 3).
    enum Method: UInt8 {
        case none = 0x00
        case usernamePassword = 0x02
        /// The answer to a client that offers no acceptable method.
        case noAcceptable = 0xFF
    }

    /// The replies of RFC 1928, section 6.
    enum Reply: UInt8, Error {
        case succeeded = 0x00
        case generalFailure = 0x01
        case notAllowed = 0x02
        case networkUnreachable = 0x03
        case hostUnreachable = 0x04
        case connectionRefused = 0x05
        case commandNotSupported = 0x07
        case addressTypeNotSupported = 0x08
    }

    /// The client speaks another protocol or version.
    struct WrongVersion: Error, Equatable {
        let found: UInt8
    }

    static let version: UInt8 = 5
    static let loginVersion: UInt8 = 1

    // MARK: Reading. Each function consumes a message once it is complete, and returns nil before that.

    /// Reads the methods that the client offers.
    static func greeting(from buffer: inout ByteBuffer) throws(WrongVersion) -> [UInt8]? {
        var rest = buffer
        guard let found = rest.readInteger(as: UInt8.self) else { return nil }
        guard found == version else { throw WrongVersion(found: found) }
        guard let methods = field(from: &rest) else { return nil }
        buffer = rest
        return methods
    }

    /// Reads a login by name and password (RFC 1929, section 2).
    static func login(from buffer: inout ByteBuffer) throws(WrongVersion) -> BasicCredentials? {
        var rest = buffer
        guard let found = rest.readInteger(as: UInt8.self) else { return nil }
        guard found == loginVersion else { throw WrongVersion(found: found) }
        guard let name = field(from: &rest), let password = field(from: &rest) else { return nil }
        buffer = rest
        return BasicCredentials(
            username: String(decoding: name, as: UTF8.self),
            password: String(decoding: password, as: UTF8.self)
        )
    }

    /// Reads the destination that the client asks for.
    static func request(from buffer: inout ByteBuffer) throws(RequestError) -> Authority? {
        var rest = buffer
        guard let found = rest.readInteger(as: UInt8.self) else { return nil }
        guard found == version else { throw .wrongVersion(found) }
        guard let command = rest.readInteger(as: UInt8.self) else { return nil }
        guard command == 1 else { throw .refused(.commandNotSupported) }
        rest.moveReaderIndex(forwardBy: min(1, rest.readableBytes))
        guard let type = rest.readInteger(as: UInt8.self), let host = try host(type, from: &rest),
            let port = rest.readInteger(as: UInt16.self)
        else { return nil }
        buffer = rest
        guard port != 0, Authority.isHost(host) else { throw .refused(.generalFailure) }
        return Authority(host: host, port: Int(port))
    }

    /// Why a request cannot be served.
    enum RequestError: Error, Equatable {
        case wrongVersion(UInt8)
        case refused(Reply)
    }

    private static func host(_ type: UInt8, from buffer: inout ByteBuffer) throws(RequestError) -> String? {
        switch type {
        case 1: return buffer.readBytes(length: 4).map(text(ofAddress:))
        case 4: return buffer.readBytes(length: 16).map(text(ofAddress:))
        case 3: return field(from: &buffer).map { String(decoding: $0, as: UTF8.self) }
        default: throw .refused(.addressTypeNotSupported)
        }
    }

    private static func text(ofAddress bytes: [UInt8]) -> String {
        let address = try? SocketAddress(packedIPAddress: ByteBuffer(bytes: bytes), port: 0)
        return address?.ipAddress ?? ""
    }

    /// Reads a length of one byte, and that many bytes.
    private static func field(from buffer: inout ByteBuffer) -> [UInt8]? {
        guard let count = buffer.readInteger(as: UInt8.self) else { return nil }
        return buffer.readBytes(length: Int(count))
    }

    // MARK: Writing

    /// The choice of a method.
    static func answer(_ method: Method) -> ByteBuffer { ByteBuffer(bytes: [version, method.rawValue]) }

    /// The answer to a login.
    static func answer(isValid: Bool) -> ByteBuffer { ByteBuffer(bytes: [loginVersion, isValid ? 0 : 1]) }

    /// The proxy's bound address means nothing to clients, so it is left empty.
    static func answer(_ reply: Reply) -> ByteBuffer {
        ByteBuffer(bytes: [version, reply.rawValue, 0, 1, 0, 0, 0, 0, 0, 0])
    }
}
