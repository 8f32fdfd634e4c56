import Glibc
import NIOCore
import NIOPosix
import Testing

@testable import ProxyCodecs
@testable import ProxyCore

/// The test's end of a connection, for straight-line code: it reads what the daemon has sent, and writes what the daemon receives.
final class Wire: @unchecked Sendable {
    /// The other end has sent no more than this.
    struct Ended: Error, CustomStringConvertible {
        let text: String
        var description: String { "the connection ended after \(text.debugDescription)" }
    }

    let stream: ByteStream

    init(_ stream: ByteStream) {
        self.stream = stream
    }

    // MARK: Writing

    func send(_ text: String) { send(ByteBuffer(string: text)) }

    func send(_ bytes: ByteBuffer) {
        stream.write(bytes)
        stream.send()
    }

    /// Sends no more, but keeps reading.
    func finish() async { await stream.finishOutput() }

    func close() { stream.close() }

    /// Resets a TCP connection, so that the other end notices at once.
    func reset() async throws {
        let socket = stream.transport.socketOptions
        try await socket?.setSoLinger(linger(l_onoff: 1, l_linger: 0)).get()
        stream.close()
    }

    // MARK: Reading

    /// The next `count` bytes.
    func read(_ count: Int) async throws -> ByteBuffer {
        while true {
            if let bytes = stream.unread.readSlice(length: count) { return bytes }
            guard await stream.readMore() else { throw Ended(text: String(buffer: stream.unread)) }
        }
    }

    /// The text up to and including the mark.
    func read(through mark: String) async throws -> String {
        let mark = Array(mark.utf8)
        var searched = 0
        while true {
            if let end = end(of: mark, from: searched) { return stream.unread.readString(length: end) ?? "" }
            searched = max(0, stream.unread.readableBytes - mark.count)
            guard await stream.readMore() else { throw Ended(text: String(buffer: stream.unread)) }
        }
    }

    /// The number of bytes up to and including the mark.
    private func end(of mark: [UInt8], from start: Int) -> Int? {
        stream.unread.withUnsafeReadableBytes { bytes in
            guard let base = bytes.baseAddress, let last = mark.last else { return nil }
            var start = start
            while let found = memchr(base + start, Int32(last), bytes.count - start) {
                start = UnsafeRawPointer(found) - base + 1
                if bytes[..<start].suffix(mark.count).elementsEqual(mark) { return start }
            }
            return nil
        }
    }

    /// Everything that still arrives, until the other end sends no more.
    @discardableResult
    func readToEnd() async -> String {
        while await stream.readMore() {}
        return String(buffer: stream.takeUnread())
    }

    // MARK: HTTP/1

    /// The head of a message, with its line ends reduced to LF.
    func readHead() async throws -> String {
        try await read(through: "\r\n\r\n").replacing("\r\n", with: "\n")
    }

    /// A message whose head gives the length of its body.
    func readMessage() async throws -> (head: String, body: String) {
        let head = try await readHead()
        let length = head.lowercased().split(separator: "\n").first { $0.hasPrefix("content-length: ") }
        let count = length.flatMap { Int($0.dropFirst("content-length: ".count)) } ?? 0
        return (head, String(buffer: try await read(count)))
    }
}

extension ByteStream {
    /// That at the end of whose pipeline it is.
    var channel: any Channel {
        get throws { try #require(transport as? ChannelTransport).channel }
    }
}

extension Channel {
    /// That at the end of the pipeline.
    var stream: ByteStream {
        get throws {
            try #require(try pipeline.syncOperations.handler(type: ChannelTransport.self).stream)
        }
    }
}
