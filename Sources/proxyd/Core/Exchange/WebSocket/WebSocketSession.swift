import AddonProtocol
import NIOCore
import ProxyCodecs

/// A WebSocket connection between a client and a server, from the 101 to its end. It runs the two directions and
/// handles their end.
///
/// Confined to its loop.
final class WebSocketSession: @unchecked Sendable {
    /// What both directions share.
    struct Setting {
        let flow: WebSocketFlow
        let dispatcher: Dispatcher
        let loop: FlowLoop
        let interruption: Interruption
        /// Ends a hold of the flow when the client leaves or ends its output, or when the flow ends.
        let departure: Interruption
        let messageLimit: Int
        let printer: FlowPrinter
        /// `flow_detail` at the start of the session.
        let detail: Int
    }

    private let connection: Client
    private let client: ByteStream
    private let server: ByteStream
    private let setting: Setting
    private let up: WebSocketDirection
    private let down: WebSocketDirection
    /// Closes what does not end by itself, once the closing has begun.
    private var deadline: Scheduled<Void>?
    private var isEnding = false

    /// - Parameters:
    /// - spoken: the compression parameters that each side was told, which an addon may have changed for the client.
    /// - Throws: when there is no memory for compression.
    init(
        _ handshake: HTTPFlow,
        _ connection: Client,
        between streams: (client: ByteStream, server: ByteStream),
        spoken: (client: PerMessageDeflate?, server: PerMessageDeflate?)
    ) throws(FlowError) {
        self.connection = connection
        (client, server) = streams
        client.converse(with: server)
        setting = Setting(
            flow: WebSocketFlow(id: connection.loop.makeID(), handshake: handshake),
            dispatcher: connection.loop.dispatcher,
            loop: connection.loop,
            interruption: Interruption(),
            departure: Interruption(),
            messageLimit: connection.services.options.current.websocketMessageLimit,
            printer: connection.services.printer,
            detail: connection.loop.options.flowDetail
        )
        let toServer = try Self.writer(server, masks: true, spoken.server?.client, connection.loop)
        let toClient = try Self.writer(client, masks: false, spoken.client?.server, connection.loop)
        let isSame = spoken.client == spoken.server
        up = WebSocketDirection(
            .init(
                fromClient: true,
                source: client,
                writer: toServer,
                inflater: try Self.inflater(spoken.client?.client),
                sharesCompression: isSame
            ),
            in: setting
        )
        down = WebSocketDirection(
            .init(
                fromClient: false,
                source: server,
                writer: toClient,
                inflater: try Self.inflater(spoken.server?.server),
                sharesCompression: isSame
            ),
            in: setting
        )
        // A stream of HTTP/2 may end without its connection.
        client.channel.closeFuture.assumeIsolated().whenComplete { [departure = setting.departure] _ in
            departure.interrupt(FlowError(.clientDisconnected, "the client is gone"))
        }
    }

    private static func inflater(_ coding: PerMessageDeflate.Coding?) throws(FlowError) -> WebSocketInflater? {
        guard let coding else { return nil }
        guard let inflater = WebSocketInflater(coding) else { throw noMemory }
        return inflater
    }

    private static func writer(
        _ stream: ByteStream,
        masks: Bool,
        _ coding: PerMessageDeflate.Coding?,
        _ loop: FlowLoop
    ) throws(FlowError) -> WebSocketWriter {
        guard let coding else { return WebSocketWriter(to: stream, masks: masks, deflater: nil, on: loop) }
        guard let deflater = WebSocketDeflater(coding) else { throw noMemory }
        return WebSocketWriter(to: stream, masks: masks, deflater: deflater, on: loop)
    }

    private static var noMemory: FlowError { FlowError(.serverDisconnected, "no memory for compression") }

    private var flow: WebSocketFlow { setting.flow }
    private var loop: FlowLoop { setting.loop }

    // MARK: Running

    /// Runs the session until both directions have ended.
    func run() async {
        flow.injector = { [weak self] message in
            guard let self else { return "the flow has ended" }
            return inject(message)
        }
        loop.begin(flow) { self.fail(.flow($0), fromClient: nil) }
        await connection.interruption.during({ await carry() }, cut: { self.interrupted($0) })
        await finish()
        loop.end(flow)
        setting.printer.print(PrintedConversation(flow), detail: setting.detail)
    }

    private func carry() async {
        do {
            try await setting.ask(.websocketStart, flow)
        } catch {
            return fail(.flow(error), fromClient: nil)
        }
        async let up: Void = run(self.up)
        await run(down)
        await up
    }

    private func run(_ direction: WebSocketDirection) async {
        do {
            switch try await direction.run() {
            case .closed(let close): closed(close, fromClient: direction.fromClient)
            case .receiverIsGone: break
            }
        } catch {
            fail(error, fromClient: direction.fromClient)
        }
    }

    private func inject(_ message: WebSocketMessage) -> String? {
        isEnding ? "the flow is ending" : (message.fromClient ? up : down).inject(message)
    }

    // MARK: Ending

    /// Handles a side's close frame. The other side has some time to answer it.
    private func closed(_ close: WebSocketClose, fromClient: Bool) {
        isEnding = true
        if flow.closeCode == nil {
            flow.closeCode = close.code.map(Int.init) ?? WebSocketClose.noCode
            flow.closeReason = close.reason
            flow.closedByClient = fromClient
        }
        closeBoth(in: Limits.closingHandshake)
    }

    private func closeBoth(in time: TimeAmount) {
        let (client, server) = (client, server)
        deadline =
            deadline
            ?? loop.eventLoop.assumeIsolated().scheduleTask(in: time) {
                client.close()
                server.close()
            }
    }

    private func interrupted(_ error: FlowError) {
        // The client's direction notices the end itself, once it has handled everything that the client sent.
        guard error.kind != .clientDisconnected else { return setting.departure.interrupt(error) }
        fail(.flow(error), fromClient: nil)
    }

    /// Records the flow's first failure. Later ones only follow from it.
    private func fail(_ failure: WebSocketDirection.Failure, fromClient: Bool?) {
        guard flow.failure == nil else { return }
        if case .ended = failure, flow.closeCode != nil { return stop(FlowError(.serverDisconnected, "closed")) }
        isEnding = true
        let error = error(of: failure, fromClient: fromClient)
        flow.failure = .init(error: error, timestamp: secondsSinceEpoch())
        loop.counters.errors += 1
        let code = Self.closeCode(of: failure)
        if flow.closeCode == nil {
            flow.closeCode = code ?? WebSocketClose.abnormal
            flow.closedByClient = fromClient
            if code != nil { flow.closeReason = WebSocketClose.payload(0, error.message).dropping(2) }
        }
        guard let code else { return stop(error) }
        if case .violation = failure, let fromClient {
            return turnAway(error, code, fromClient: fromClient)
        }
        up.writer.close(code, error.message)
        down.writer.close(code, error.message)
        stop(error, closing: false)
    }

    /// Tells a side why it gets no more. What it answers to earlier messages still arrives.
    private func turnAway(_ error: FlowError, _ code: Int, fromClient: Bool) {
        let receiver = (fromClient ? up : down).writer
        receiver.close(code, error.message)
        guard receiver.isClosed else { return stop(error, closing: false) }
        (fromClient ? down : up).keepsClose = true
        closeBoth(in: Limits.lingering)
        let setting = setting
        loop.eventLoop.assumeIsolated().scheduleTask(in: Limits.lingering) {
            setting.interruption.interrupt(error)
            setting.departure.interrupt(error)
        }
    }

    /// Ends all waits of both directions.
    private func stop(_ error: FlowError, closing: Bool = true) {
        setting.interruption.interrupt(error)
        setting.departure.interrupt(error)
        for stream in [client, server] {
            if closing { stream.close() }
            stream.stopReading()
        }
    }

    /// The code of the close frame for both sides; nil when their connections just end.
    private static func closeCode(of failure: WebSocketDirection.Failure) -> Int? {
        switch failure {
        case .violation(let error): Int(error.code.rawValue)
        case .ended, .receiver: nil
        case .flow(let error):
            switch error.kind {
            case .addonFailed: Int(WebSocketError.Code.internalError.rawValue)
            case .memoryLimit: Int(WebSocketError.Code.tryAgainLater.rawValue)
            case .shutdown: WebSocketClose.goingAway
            default: nil
            }
        }
    }

    private func error(of failure: WebSocketDirection.Failure, fromClient: Bool?) -> FlowError {
        let isClient = fromClient ?? false
        switch failure {
        case .flow(let error): return error
        case .violation(let error):
            let side = isClient ? "client" : "server"
            return FlowError(
                error.kind,
                "\(side): \(error.message)"
            )
        case .ended, .receiver:
            let stream = isClient ? client : server
            if case .failed(let error as FlowError) = stream.input { return error }
            return FlowError(
                isClient ? .clientDisconnected : .serverDisconnected,
                "\(isClient ? "client" : "server") disconnected without a close frame"
            )
        }
    }

    /// Ends both connections so that the last frames arrive, then tells the addons.
    private func finish() async {
        flow.injector = nil
        closeBoth(in: Limits.lingering)
        if let failure = flow.failure, let code = flow.closeCode, code != WebSocketClose.abnormal {
            for writer in [up.writer, down.writer] { writer.close(code, failure.error.message) }
        }
        if flow.failure != nil {
            async let server: Void = linger(server)
            await linger(client)
            await server
        } else {
            await server.finishOutput()
        }
        deadline?.cancel()
        if flow.failure != nil { setting.dispatcher.notify(.websocketError, flow) }
        setting.dispatcher.notify(.websocketEnd, flow)
    }

    /// Closing with unread input would make the kernel reset the connection and lose data in flight.
    private func linger(_ stream: ByteStream) async {
        guard stream.isOpen else { return }
        await stream.finishOutput()
        repeat { stream.unread.clear() } while await stream.readMore()
    }
}

extension WebSocketSession.Setting {
    func ask(_ event: Event, _ subject: some EventSubject) async throws(FlowError) {
        try await dispatcher.ask(event, subject, on: loop, interruption, holdsUntil: departure)
    }

    var printsMessages: Bool { FlowPrinter.printsMessages(detail) }

    func print(_ message: @autoclosure () -> WebSocketMessage) {
        printer.print(PrintedMessage(message(), of: flow, detail), detail: detail)
    }
}

extension ByteBuffer {
    fileprivate func dropping(_ count: Int) -> ByteBuffer {
        getSlice(at: readerIndex + count, length: readableBytes - count) ?? ByteBuffer()
    }
}

extension PrintedConversation {
    fileprivate init(_ flow: WebSocketFlow) {
        var outcome = flow.failure.map { "error: \($0.error.message)" }
        if outcome == nil, let code = flow.closeCode {
            let side = flow.closedByClient ?? false ? "client" : "server"
            let reason = flow.closeReason.readableBytes > 0 ? " " + String(buffer: flow.closeReason) : ""
            outcome = "closed by \(side): \(code)\(reason)"
        }
        self.init(
            client: flow.clientConnection.peername,
            name: Array("WebSocket ".utf8) + flow.handshake.url,
            outcome: outcome ?? "closed",
            messageCount: flow.messageCount,
            milliseconds: flow.timestampCreated.millisecondsAgo
        )
    }
}

extension PrintedMessage {
    fileprivate init(_ message: WebSocketMessage, of flow: WebSocketFlow, _ detail: Int) {
        self.init(
            client: flow.clientConnection.peername,
            fromClient: message.fromClient,
            kind: "WebSocket \(message.type.rawValue) message" + (message.dropped ? " (dropped)" : ""),
            server: flow.handshake.url,
            content: message.content,
            detail: detail
        )
    }
}

extension WebSocketError {
    fileprivate var kind: FlowError.Kind {
        switch code {
        case .messageTooBig: .bodyTooLarge
        case .tryAgainLater: .memoryLimit
        case .protocolError, .invalidPayload, .internalError: .malformedMessage
        }
    }
}
