import AddonProtocol
import Glibc
import Testing

@testable import AddonSDK

/// The daemon's end of a real Unix socket, written by a test.
final class ScriptedDaemon: Sendable {
    let path: String
    private let descriptor: Int32

    init() throws {
        var template = Array("/tmp/addon-sdk-XXXXXX".utf8CString)
        _ = try #require(mkdtemp(&template))
        path = String(decoding: template.dropLast().map(UInt8.init(bitPattern:)), as: UTF8.self) + "/addon.sock"
        descriptor = socket(AF_UNIX, Int32(SOCK_STREAM.rawValue), 0)
        var address = sockaddr_un()
        address.sun_family = sa_family_t(AF_UNIX)
        withUnsafeMutableBytes(of: &address.sun_path) { $0.copyBytes(from: path.utf8) }
        let status = withUnsafePointer(to: &address) { pointer in
            pointer.withMemoryRebound(to: sockaddr.self, capacity: 1) {
                bind(descriptor, $0, socklen_t(MemoryLayout<sockaddr_un>.size))
            }
        }
        try #require(status == 0 && listen(descriptor, 8) == 0)
        try ScriptedConnection.limitWaits(descriptor)
    }

    deinit {
        close(descriptor)
        unlink(path)
        rmdir(String(path.dropLast("/addon.sock".count)))
    }

    func accept() async throws -> ScriptedConnection {
        let accepted = try await BlockingThread.run { [descriptor] in Glibc.accept(descriptor, nil, nil) }
        try #require(accepted >= 0, "no addon has connected")
        return try ScriptedConnection(accepted)
    }

    /// Accepts an addon and its registration.
    func acceptRegistered() async throws -> ScriptedConnection {
        let connection = try await accept()
        _ = try await connection.register()
        return connection
    }
}

/// One addon's connection.
final class ScriptedConnection: Sendable {
    private let descriptor: Int32

    init(_ descriptor: Int32) throws {
        self.descriptor = descriptor
        try Self.limitWaits(descriptor)
    }

    deinit { _ = Glibc.close(descriptor) }

    /// Turns what would hang into a failure.
    static func limitWaits(_ descriptor: Int32) throws {
        var limit = timeval(tv_sec: 60, tv_usec: 0)
        let size = socklen_t(MemoryLayout<timeval>.size)
        try #require(setsockopt(descriptor, SOL_SOCKET, SO_RCVTIMEO, &limit, size) == 0)
    }

    func send(_ text: String) {
        let bytes = Array((text + "\n").utf8)
        #expect(Glibc.send(descriptor, bytes, bytes.count, Int32(MSG_NOSIGNAL)) == bytes.count)
    }

    func sendByteByByte(_ text: String) {
        for byte in Array((text + "\n").utf8) {
            #expect([byte].withUnsafeBytes { Glibc.send(descriptor, $0.baseAddress, 1, Int32(MSG_NOSIGNAL)) } == 1)
        }
    }

    func close() { _ = shutdown(descriptor, Int32(SHUT_RDWR)) }

    /// The next frame; nil at the end of the connection.
    func receive() async throws -> JSONValue? {
        let line = try await BlockingThread.run { [descriptor] in
            var line: [UInt8] = []
            var byte: UInt8 = 0
            while read(descriptor, &byte, 1) == 1, byte != UInt8(ascii: "\n") { line.append(byte) }
            return line
        }
        return line.isEmpty ? nil : try JSONReader.read(line)
    }

    /// Answers `initialize` and returns its params.
    ///
    /// - Parameter frameBytes: the largest frame that it claims to accept.
    func register(frameBytes: Int = 1 << 26) async throws -> JSONValue {
        let initialize = try #require(try await receive())
        #expect(initialize["method"] == "initialize")
        send(#"{"jsonrpc":"2.0","id":"initialize","result":{"protocol":1,"limits":{"frame_bytes":\#(frameBytes)}}}"#)
        return try #require(initialize["params"])
    }

    /// Sends an event and returns the next frame.
    func event(_ method: String, _ params: String, id: Int = 1) async throws -> JSONValue? {
        send(#"{"jsonrpc":"2.0","id":\#(id),"method":"\#(method)","params":\#(params)}"#)
        return try await receive()
    }
}
