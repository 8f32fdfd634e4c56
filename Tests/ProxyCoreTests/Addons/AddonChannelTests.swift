import AddonProtocol
import NIOCore
import NIOEmbedded
import Testing

@testable import ProxyCodecs
@testable import ProxyCore

/// What has taken the messages of a channel.
private final class ScriptedReceiver: AddonChannel.Receiver {
    var heard: [String] = []
    var answers: ((Message) -> Void)?

    func received(_ message: Message) {
        switch message {
        case .request(let id, let method, _): heard.append("\(method) \(id)")
        case .notification(let method, _): heard.append(method)
        case .success(let id, _): heard.append("reply \(id)")
        case .failure(let id, _): heard.append("failure \(id.map { "\($0)" } ?? "")")
        }
        answers?(message)
    }

    func received(_ reply: HeaderReply) { heard.append("header reply \(reply.id)") }
    func receivedUnreadable(_ error: ProtocolError) { heard.append("unreadable") }
    func writable() { heard.append("writable") }
    func closed() { heard.append("closed") }
}

/// The socket of an addon, bytes in the test's hands.
struct AddonChannelTests {
    private let channel = EmbeddedChannel()
    private let socket: AddonChannel
    private let receiver = ScriptedReceiver()

    init() throws {
        socket = AddonChannel(channel: channel, maximumFrameBytes: 200, maximumDepth: 8)
        socket.setReceiver(receiver)
        try channel.pipeline.syncOperations.addHandler(socket)
        try channel.connect(to: SocketAddress(unixDomainSocketPath: "/s")).wait()
    }

    private func receive(_ text: String) throws { try channel.writeInbound(ByteBuffer(string: text)) }

    /// What has been sent, piece by piece.
    private func sent() throws -> [String] {
        channel.embeddedEventLoop.run()
        var pieces: [String] = []
        while let piece = try channel.readOutbound(as: ByteBuffer.self) {
            if piece.readableBytes > 0 { pieces.append(String(buffer: piece)) }
        }
        return pieces
    }

    private static func request(_ id: Int, _ method: String = "ping") -> String {
        "{\"jsonrpc\":\"2.0\",\"id\":\(id),\"method\":\"\(method)\"}"
    }

    private static let told = #"{"jsonrpc":"2.0","method":"log"}"#

    @Test func `frames come as messages, however their bytes are cut`() throws {
        for byte in "\(Self.request(1))\n\(Self.told)\n".utf8 { try receive(String(UnicodeScalar(byte))) }
        #expect(receiver.heard == ["ping 1", "log"])
    }

    @Test func `what is sent in one turn goes out together, framed as the addon frames`() throws {
        try receive(Self.told + "\n")
        for id in 1...2 { socket.send(.success(id: .number(id), result: [:])) }
        let frames = (1...2).map { "{\"jsonrpc\":\"2.0\",\"id\":\($0),\"result\":{}}" }
        #expect(try sent() == [frames.map { $0 + "\n" }.joined()])
        let other = try AddonChannelTests()
        try other.receive("Content-Length: \(Self.told.utf8.count)\r\n\r\n\(Self.told)")
        other.socket.send(.success(id: .number(1), result: [:]))
        #expect(try other.sent() == ["Content-Length: \(frames[0].utf8.count)\r\n\r\n\(frames[0])"])
    }

    // MARK: Batches

    @Test func `the answers to a batch go back as one array, once all are there`() throws {
        try receive("[\(Self.request(1)),\(Self.told),\(Self.request(2))]\n")
        #expect(receiver.heard == ["ping 1", "log", "ping 2"])
        socket.send(.success(id: .number(2), result: [:]))
        #expect(try sent() == [])
        socket.send(.success(id: .number(9), result: [:]))
        #expect(try sent().joined().contains("\"id\":9"), "what answers something else does not wait")
        socket.send(.success(id: .number(1), result: [:]))
        let array = try JSONReader.read(Array(try sent().joined().utf8))
        #expect(array.arrayValue?.map { $0["id"] } == [2, 1])
    }

    @Test func `a batch of notifications has no answer, and holds none back`() throws {
        try receive("[\(Self.told),\(Self.told)]\n")
        socket.send(.success(id: .number(1), result: [:]))
        #expect(try sent().joined().hasPrefix("{"))
    }

    // MARK: What cannot be read

    @Test func `what is no message is answered with an error without an id`() throws {
        try receive("nonsense\n")
        #expect(receiver.heard == ["unreadable"])
        let answer = try JSONReader.read(Array(try sent().joined().utf8))
        #expect(answer["id"] == .null && answer["error"]?["code"] == -32700 && channel.isActive)
    }

    @Test func `a frame over the limit ends the connection, after its answer`() throws {
        try receive(String(repeating: "x", count: 201))
        #expect(try sent().joined().contains("error"))
        channel.embeddedEventLoop.run()
        #expect(!channel.isActive && receiver.heard.last == "closed")
    }

    // MARK: Large frames

    @Test func `a large frame goes out in pieces as the addon reads, and what follows it comes after`() throws {
        let members = Array("{\"a\":\"\(String(repeating: "x", count: Limits.addonWriteBytes))\"".utf8)
        channel.isWritable = false
        socket.send(EventEnvelope.notification("large", members))
        socket.send(.success(id: .number(1), result: [:]))
        #expect(try sent() == [] && !socket.isWritable)
        #expect(socket.unsentBytes > members.count)
        channel.isWritable = true
        channel.pipeline.fireChannelWritabilityChanged()
        let all = try sent()
        #expect(all.count > 3 && socket.unsentBytes == 0 && socket.isWritable)
        let lines = all.joined().split(separator: "\n")
        #expect(lines.count == 2 && lines[0].utf8.count > members.count && lines[1].contains("\"id\":1"))
        #expect(receiver.heard.contains("writable"))
    }

    // MARK: The end

    @Test func `what was sent goes out before the connection is closed`() throws {
        socket.send(.success(id: .number(1), result: [:]))
        socket.close()
        #expect(try sent().joined().contains("\"id\":1"))
        #expect(!channel.isActive && receiver.heard == ["closed"])
    }

    @Test func `one that does not read is closed at once`() throws {
        channel.isWritable = false
        socket.close()
        channel.embeddedEventLoop.run()
        #expect(!channel.isActive)
    }
}
