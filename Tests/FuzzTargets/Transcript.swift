#if DEBUG
import AddonProtocol
import NIOCore

@testable import ProxyCodecs
@testable import ProxyCore

/// The end of a connection that wrote the bytes.
enum Side: Hashable, Sendable {
    case client
    /// A server that answers requests with this method.
    case server(method: String)
}

/// The result of feeding a connection's bytes to the codec in pieces.
struct Transcript: Equatable {
    /// The complete messages.
    var messages: [ReadMessage] = []
    /// The message that had begun when the bytes ended or the error occurred.
    var unfinished: ReadMessage?
    var understoodRequest: RequestHead?
    var error: HTTP1Error?
    /// The most bytes that were unread in the buffer after a piece.
    var mostUnread = 0

    /// Feeds `bytes` in pieces of the given sizes, the last one repeated, and then closes the connection.
    static func of(
        _ bytes: [UInt8],
        from side: Side,
        pieces: [Int] = [Int.max],
        limits: HeadLimits = HeadLimits()
    ) -> Transcript {
        var reader = TranscriptReader(side: side, limits: limits)
        var rest = bytes[...]
        var sizes = pieces[...]
        do {
            while !rest.isEmpty {
                let size = min(sizes.count > 1 ? sizes.removeFirst() : sizes.first ?? rest.count, rest.count)
                try reader.take(rest.prefix(size))
                rest = rest.dropFirst(size)
            }
            try reader.close()
        } catch {
            reader.result.error = error
        }
        return reader.finished()
    }

    /// The transcript without what depends on the sizes of the pieces.
    var content: Transcript {
        var content = self
        content.mostUnread = 0
        return content
    }
}

private struct TranscriptReader {
    let side: Side
    let limits: HeadLimits
    var result = Transcript()
    private var buffer = ByteBuffer()
    private var heads: HTTP1HeadParser
    private var body: HTTP1BodyParser?
    private var isTunnel = false

    init(side: Side, limits: HeadLimits) {
        self.side = side
        self.limits = limits
        heads = HTTP1HeadParser(limits: limits)
    }

    mutating func take(_ bytes: ArraySlice<UInt8>) throws(HTTP1Error) {
        buffer.writeBytes(bytes)
        while !isTunnel, try step() {}
        if !isTunnel { result.mostUnread = max(result.mostUnread, buffer.readableBytes) }
    }

    mutating func close() throws(HTTP1Error) {
        guard var parser = body else { return }
        if let part = try parser.inputClosed() { take(part) }
    }

    func finished() -> Transcript {
        var result = result
        result.understoodRequest = side == .client ? heads.understoodRequest : nil
        return result
    }

    /// Whether anything was parsed.
    private mutating func step() throws(HTTP1Error) -> Bool {
        if body != nil {
            guard let part = try body?.next(from: &buffer) else { return false }
            take(part)
            return true
        }
        guard let head = try nextHead() else { return false }
        let framing = try framing(of: head)
        result.unfinished = ReadMessage(head: head, framing: framing)
        body = HTTP1BodyParser(framing: framing, limits: limits, isFromServer: side != .client)
        return true
    }

    private mutating func nextHead() throws(HTTP1Error) -> ReadMessage.Head? {
        switch side {
        case .client: try heads.request(from: &buffer).map { .request($0) }
        case .server: try heads.response(from: &buffer).map { .response($0) }
        }
    }

    private mutating func framing(of head: ReadMessage.Head) throws(HTTP1Error) -> BodyFraming {
        switch (head, side) {
        case (.request(let head), _):
            isTunnel = head.method == "CONNECT"
            _ = try RequestTarget(head)
            return try BodyFraming.ofRequest(head)
        case (.response(let head), .server(let method)):
            isTunnel = head.status == 101 || (method == "CONNECT" && (200..<300).contains(head.status))
            return try BodyFraming.ofResponse(head, toMethod: method)
        case (.response(let head), .client):
            return try BodyFraming.ofResponse(head, toMethod: "GET")
        }
    }

    private mutating func take(_ part: BodyPart) {
        switch part {
        case .data(let data):
            result.unfinished?.body += data.readableBytesView
        case .end(let trailers):
            guard var message = result.unfinished else { return }
            message.trailers = trailers
            result.messages.append(message)
            result.unfinished = nil
            body = nil
        }
    }
}
#endif
