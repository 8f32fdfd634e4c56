import Glibc
import NIOCore

/// A TCP port that the system does not hand out as a free one. A single process may listen on it, with SO_REUSEADDR
/// (socket(7)).
struct HeldPort: Sendable {
    let address: HostPort
    private let socket: OwnedFile

    /// - Parameter address: an address of this machine; port 0 picks a free port.
    /// - Throws: when another process listens there.
    init(_ address: HostPort) throws(StartError) {
        do {
            let wanted = try SocketAddress(ipAddress: address.host, port: address.port)
            let type = Int32(SOCK_STREAM.rawValue | SOCK_CLOEXEC.rawValue)
            socket = OwnedFile(Glibc.socket(Int32(wanted.protocol.rawValue), type, 0))
            guard socket.number >= 0 else { throw FileError("it cannot be had") }
            self.address = HostPort(host: address.host, port: try Self.bind(socket.number, to: wanted))
        } catch {
            throw StartError("cannot serve the inspector on \(address) (web_listen): \(error)")
        }
    }

    private static func bind(_ socket: Int32, to address: SocketAddress) throws -> Int {
        var one: Int32 = 1
        setsockopt(socket, SOL_SOCKET, SO_REUSEADDR, &one, socklen_t(MemoryLayout<Int32>.size))
        let code = address.withSockAddr { Glibc.bind(socket, $0, socklen_t($1)) }
        guard code == 0 else { throw FileError("it cannot be had") }
        var bound = sockaddr_storage()
        var size = socklen_t(MemoryLayout<sockaddr_storage>.size)
        _ = withUnsafeMutablePointer(to: &bound) {
            $0.withMemoryRebound(to: sockaddr.self, capacity: 1) { getsockname(socket, $0, &size) }
        }
        // Addresses of both families have the port in the same place (ip(7), ipv6(7)).
        return withUnsafeBytes(of: bound) { Int($0[2]) << 8 | Int($0[3]) }
    }
}
