import AddonProtocol
import NIOCore
import ProxyCodecs

/// Forwards what one side sends to the other, in straight-line code that waits for addons and for the receiver.
///
/// Confined to its loop. The two directions of a flow do not wait for each other.
final class WebSocketDirection: @unchecked Sendable {
    /// How a direction ended properly.
    enum End {
        /// A close frame was forwarded, the last frame of this side.
        case closed(WebSocketClose)
        /// The receiver is gone; the other direction reports why.
        case receiverIsGone
    }

    /// How a direction failed.
    enum Failure: Error {
        /// The sender violated the protocol.
        case violation(WebSocketError)
        /// The sender's connection ended without a close frame.
        case ended
        /// The flow was killed or aborted, or a binding addon failed.
        case flow(FlowError)
        case receiver(StreamError)
    }

    let fromClient: Bool
    let source: ByteStream
    let writer: WebSocketWriter
    private let flow: WebSocketFlow
    private let dispatcher: Dispatcher
    private let setting: WebSocketSession.Setting
    private let interruption: Interruption
    /// Whether both sides decompress a compressed message alike.
    private let sharesCompression: Bool
    private var parser: WebSocketFrameParser
    private var assembler: WebSocketAssembler
    /// Whether the present message is forwarded frame by frame.
    private var isPassing = false
    private var isInMessage = false
    /// The opcode with which the present message continues in the proxy's own fragments, for lack of memory; nil when
    /// it does not.
    private var fragment: WebSocketFrameHead.Opcode?
    /// Whether the receiver gets a close frame from the proxy instead of this side's.
    var keepsClose = false
    private var injected = CircularBuffer<WebSocketMessage>()
    private var injectedBytes = 0
    /// The bytes that the loop has counted: injected messages, and the part of a message that is to be shown.
    private var countedBytes = 0
    private let limit: Int

    init(_ way: Way, in session: WebSocketSession.Setting) {
        fromClient = way.fromClient
        source = way.source
        writer = way.writer
        flow = session.flow
        dispatcher = session.dispatcher
        setting = session
        interruption = session.interruption
        limit = session.messageLimit
        sharesCompression = way.sharesCompression
        parser = WebSocketFrameParser(
            sender: way.fromClient ? .client : .server,
            allowsCompression: way.inflater != nil
        )
        assembler = WebSocketAssembler(limit: session.messageLimit, inflater: way.inflater)
    }

    /// The two ends of a direction.
    struct Way {
        let fromClient: Bool
        let source: ByteStream
        let writer: WebSocketWriter
        /// Nil when the sender does not compress.
        let inflater: WebSocketInflater?
        let sharesCompression: Bool
    }

    // MARK: Running

    /// Forwards until the direction ends.
    func run() async throws(Failure) -> End {
        defer { setting.loop.memory.add(-countedBytes, .messages) }
        do throws(Failure) {
            while true {
                if let close = try await passAvailable() { return .closed(close) }
                try await flush()
                if let error = interruption.error { throw .flow(error) }
                if canSendInjected { continue }
                guard await source.readMore() || source.inputIsOpen else { throw .ended }
            }
        } catch {
            if case .receiver = error { return .receiverIsGone }
            throw error
        }
    }

    /// Forwards what is available: injected messages, and the sender's unread bytes.
    private func passAvailable() async throws(Failure) -> WebSocketClose? {
        while true {
            while canSendInjected, let message = injected.popFirst() {
                injectedBytes -= message.content.readableBytes
                count()
                try await deliver(message)
            }
            guard let element = try next() else { return nil }
            if let close = try await pass(element) { return close }
        }
    }

    private func next() throws(Failure) -> WebSocketFrameParser.Element? {
        try checked { () throws(WebSocketError) in try parser.next(from: &source.unread) }
    }

    private func pass(_ element: WebSocketFrameParser.Element) async throws(Failure) -> WebSocketClose? {
        switch element {
        case .control(let frame): return try await pass(frame)
        case .head(let head): try begin(head)
        case .payload(let piece, let endsFrame): try await take(piece, endsFrame: endsFrame)
        }
        return nil
    }

    private func pass(_ frame: WebSocketFrame) async throws(Failure) -> WebSocketClose? {
        guard frame.opcode == .close else {
            writer.pass(frame)
            return nil
        }
        let close = try checked { () throws(WebSocketError) in try WebSocketClose(frame.payload) }
        if !keepsClose { writer.pass(frame) }
        try await flush()
        return close
    }

    private func begin(_ head: WebSocketFrameHead) throws(Failure) {
        if !isInMessage {
            let isForeign = head.isCompressed && !(sharesCompression && writer.takesForeignCompression)
            isPassing = !isForeign && (!dispatcher.plan.wantsMessage(of: flow) || passesUnseen)
            isInMessage = true
        }
        try checked { () throws(WebSocketError) in
            try assembler.begin(head, keeping: !isPassing || setting.printsMessages)
        }
        if isPassing { writer.pass(head) }
    }

    /// Compressed data may grow a thousandfold, so memory is checked often.
    private func take(_ piece: ByteBuffer, endsFrame: Bool) async throws(Failure) {
        var rest = piece
        repeat {
            let count = assembler.isCompressed ? Limits.inflatedAtOnce : rest.readableBytes
            let part = rest.readSlice(length: min(count, rest.readableBytes)) ?? rest
            try await takePart(part, endsFrame: endsFrame && rest.readableBytes == 0)
        } while rest.readableBytes > 0
    }

    private func takePart(_ piece: ByteBuffer, endsFrame: Bool) async throws(Failure) {
        flow.count(piece.readableBytes, fromClient: fromClient)
        let complete = try checked { () throws(WebSocketError) in try assembler.add(piece, endsFrame: endsFrame) }
        if isPassing {
            writer.pass(piece, endsFrame: endsFrame)
            try await flush(onlyIfMuch: true)
        }
        count(complete?.content)
        guard let complete else { return try await checkMemory() }
        isInMessage = false
        setting.loop.noteChange(of: flow)
        if let opcode = fragment ?? (mustPass(complete) ? opcode(of: complete) : nil) {
            fragment = nil
            try await letGo(complete, opcode, isFinal: true)
            flow.passed()
        } else if isPassing {
            flow.passed()
            setting.print(WebSocketMessage(complete, fromClient: fromClient))
        } else {
            count()
            try await deliver(WebSocketMessage(complete, fromClient: fromClient))
        }
    }

    // MARK: Memory

    /// - Parameter content: the content of a complete message.
    private func count(_ content: ByteBuffer? = nil) {
        let bytes = injectedBytes + (isPassing ? 0 : content?.readableBytes ?? assembler.heldBytes)
        setting.loop.memory.add(bytes - countedBytes, .messages)
        countedBytes = bytes
    }

    /// Whether messages pass unseen, instead of being shown, for lack of memory.
    private var passesUnseen: Bool { !setting.loop.hasRoom(for: 0) && !dispatcher.plan.guardsMessages(of: flow) }

    /// Whether a complete message passes unseen for lack of memory.
    private func mustPass(_ message: WebSocketPayload) -> Bool {
        !isPassing && !setting.loop.hasRoom(forContent: message.content.readableBytes)
            && !dispatcher.plan.guardsMessages(of: flow)
    }

    private func opcode(of message: WebSocketPayload) -> WebSocketFrameHead.Opcode {
        message.type == .text ? .text : .binary
    }

    /// When memory runs out for a message that is to be shown, forwards it unseen, or fails if it is guarded.
    private func checkMemory() async throws(Failure) {
        guard !isPassing, fragment != nil || !setting.loop.hasRoom(forContent: assembler.heldBytes) else { return }
        guard fragment != nil || !dispatcher.plan.guardsMessages(of: flow) else {
            throw .violation(WebSocketError(.tryAgainLater, "no memory for the message (memory_limit)"))
        }
        guard let part = assembler.takePart() else { return }
        try await letGo(part, fragment ?? opcode(of: part), isFinal: false)
        fragment = .continuation
    }

    private func letGo(
        _ part: WebSocketPayload,
        _ opcode: WebSocketFrameHead.Opcode,
        isFinal: Bool
    ) async throws(Failure) {
        if part.isCompressed { writer.missCompressed() }
        do {
            try await writer.write(opcode, part.content, isFinal: isFinal)
        } catch {
            throw .receiver(error)
        }
        count()
    }

    private func checked<Value>(_ body: () throws(WebSocketError) -> Value) throws(Failure) -> Value {
        do {
            return try body()
        } catch {
            throw .violation(error)
        }
    }

    /// Shows a message to the addons, and sends what they make of it.
    private func deliver(_ message: WebSocketMessage) async throws(Failure) {
        if writer.hasUnsent { try await flush() }
        let index = flow.messageCount
        flow.begin(message)
        setting.loop.count(flow)
        defer {
            flow.end(message)
            setting.loop.count(flow)
        }
        do {
            try await setting.ask(.websocketMessage, WebSocketMessageEvent(flow, message))
        } catch {
            throw .flow(error)
        }
        setting.loop.keep(KeptMessage(message.fields, index), of: flow)
        setting.print(message)
        guard !message.dropped else {
            if message.isCompressed { writer.missCompressed() }
            return
        }
        do {
            try await writer.write(message)
        } catch {
            throw .receiver(error)
        }
    }

    private func flush(onlyIfMuch: Bool = false) async throws(Failure) {
        do {
            if onlyIfMuch { try await writer.flushIfMuch() } else { try await writer.flush() }
        } catch {
            throw .receiver(error)
        }
    }

    // MARK: Injected messages

    private var canSendInjected: Bool { !injected.isEmpty && writer.isBetweenMessages }

    /// Queues a message from an addon, after those that are waiting.
    ///
    /// - Returns: why that is not possible; nil when the message will be sent.
    func inject(_ message: WebSocketMessage) -> String? {
        guard !writer.isClosed else { return "this direction has been closed" }
        guard injected.count < Limits.injectedMessages, message.content.readableBytes <= limit - injectedBytes else {
            return "\(injected.count) injected messages are already waiting in this direction"
        }
        injected.append(message)
        injectedBytes += message.content.readableBytes
        count()
        source.stopReading()
        return nil
    }
}
