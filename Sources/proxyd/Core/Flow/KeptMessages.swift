import AddonProtocol
import NIOCore
import ProxyCodecs

/// A message of a TCP or WebSocket flow as `flow.messages` shows it.
struct KeptMessage {
    /// Its number in the flow, from 0.
    let index: Int
    /// Nil for TCP.
    let type: WebSocketMessage.Kind?
    let fromClient: Bool
    /// A copy, since a slice would keep its whole buffer in memory.
    let content: ByteBuffer
    let timestamp: Double
    let dropped: Bool
    let injected: Bool

    init(_ message: TCPMessage, _ index: Int) {
        self.index = index
        type = nil
        fromClient = message.fromClient
        content = ByteBuffer(bytes: message.content.readableBytesView)
        timestamp = message.timestamp
        dropped = message.dropped
        injected = message.injected
    }

    init(_ message: WebSocketMessage.Fields, _ index: Int) {
        self.index = index
        type = message.type
        fromClient = message.fromClient
        content = ByteBuffer(bytes: message.content.readableBytesView)
        timestamp = message.timestamp
        dropped = message.dropped
        injected = message.injected
    }

    /// Roughly how much memory it takes, in bytes.
    var byteCount: Int { MemoryLayout<KeptMessage>.stride + content.readableBytes }

    var json: JSONValue {
        [
            "index": .integer(index), "type": type.map { .string($0.rawValue) } ?? .null,
            "from_client": .bool(fromClient), "content": JSONValue(bytes: Array(content.readableBytesView)),
            "timestamp": .number(timestamp), "dropped": .bool(dropped), "injected": .bool(injected),
        ]
    }
}

/// The last messages of a flow, in the order in which they were forwarded.
struct KeptMessages {
    private var messages = CircularBuffer<KeptMessage>(initialCapacity: 0)
    private(set) var byteCount = 0

    var first: Int? { messages.lazy.map(\.index).min() }
    var count: Int { messages.count }

    /// The message with this number in the flow.
    subscript(index: Int) -> KeptMessage? { messages.first { $0.index == index } }

    /// - Parameter limit: the most bytes that all messages together may have.
    mutating func append(_ message: KeptMessage, byteLimit limit: Int) {
        messages.append(message)
        byteCount += message.byteCount
        while messages.count > Limits.keptMessages || byteCount > limit, let oldest = messages.popFirst() {
            byteCount -= oldest.byteCount
        }
    }

    /// The `messages` of `flow.messages`: those from number `start` on, or the last ones.
    ///
    /// - Parameter byteLimit: the most bytes of content; at least one message is always included.
    func json(from start: Int?, limit: Int, byteLimit: Int) -> JSONValue {
        let sorted = messages.sorted { $0.index < $1.index }
        let wanted = start.map { start in sorted.filter { $0.index >= start }.prefix(limit) } ?? sorted.suffix(limit)
        var bytes = 0
        let page = wanted.prefix { message in
            let isFirst = bytes == 0
            bytes += message.content.readableBytes
            return isFirst || bytes <= byteLimit
        }
        return .array(page.map(\.json))
    }
}

/// A flow that keeps its last messages.
protocol MessageFlow: LiveFlow {
    var kept: KeptMessages { get set }
    var messageCount: Int { get }
}

extension MessageFlow {
    var keptMessageBytes: Int { kept.byteCount }
}

extension TCPFlow: MessageFlow {}
extension WebSocketFlow: MessageFlow {}

extension FlowLoop {
    /// Keeps a message for later requests. All loops together keep no more than the history may.
    func keep(_ message: KeptMessage, of flow: some MessageFlow) {
        let before = flow.kept.byteCount
        let share = options.flowHistorySize / loopCount
        let room = min(Limits.keptMessageBytes, max(0, share - keptMessageBytes + before))
        flow.kept.append(message, byteLimit: room)
        keptMessageBytes += flow.kept.byteCount - before
    }
}
