import AddonProtocol
import NIOCore

/// Relays bytes between a client and a server through the addons, until both directions have ended.
///
/// The directions are independent and in order. The end of one is forwarded alone (half-close). Without subscribers,
/// bytes are relayed as they arrive.
struct TCPExchange {
    let client: Client
    let server: ByteStream
    let flow: TCPFlow
    /// `flow_detail` at the start of the exchange.
    private let detail: Int

    private var loop: FlowLoop { client.loop }
    private var dispatcher: Dispatcher { client.loop.dispatcher }

    /// - Parameter info: describes the connection of `server`.
    init(client: Client, server: ByteStream, info: ConnectionInfo) {
        self.client = client
        self.server = server
        flow = TCPFlow(
            id: client.loop.makeID(),
            client: (client.stream, client.info),
            server: (server, info),
            limits: client.loop.options.flowLimits
        )
        detail = client.loop.options.flowDetail
    }

    /// Runs the conversation, with its events, until both directions have ended.
    func run() async {
        // A client that half-closes its connection may still read.
        client.stream.onInputEnd = nil
        client.stream.converse(with: server)
        loop.begin(flow) { error in
            fail(error)
            flow.interrupt(error)
        }
        loop.counters.flows += 1
        loop.counters.tunnels += 1
        await client.interruption.during(
            { await converse() },
            cut: { error in if error.kind == .shutdown { flow.interrupt(error) } }
        )
        client.stream.close()
        server.close()
        if flow.failure != nil {
            loop.counters.errors += 1
            dispatcher.notify(.tcpError, TCPEvent(flow))
        }
        dispatcher.notify(.tcpEnd, TCPEvent(flow))
        loop.end(flow)
        client.services.printer.print(PrintedConversation(flow), detail: detail)
    }

    private func converse() async {
        do {
            try await ask(.tcpStart, TCPEvent(flow), flow.toServer.interruption)
        } catch {
            return fail(error)
        }
        async let up: Void = pass(flow.toServer)
        await pass(flow.toClient)
        await up
    }

    private func pass(_ direction: TCPDirection) async {
        do {
            while let message = await direction.next(limit: { isWatched ? TCPMessage.sizeLimit : .max }) {
                try await deliver(message, direction)
            }
            if let error = direction.sourceFailure { throw error }
            await direction.sink.finishOutput()
        } catch {
            fail(error as? FlowError ?? FlowError(.serverDisconnected, "\(error)"))
        }
    }

    private var isWatched: Bool { dispatcher.hasSubscribers(.tcpMessage) }

    private func deliver(_ message: TCPMessage, _ direction: TCPDirection) async throws(FlowError) {
        let index = flow.messageCount
        flow.messageCount += 1
        flow.count(message)
        loop.noteChange(of: flow)
        var message = message
        if isWatched {
            let event = flow.begin(message)
            loop.count(flow)
            defer {
                flow.end(event)
                loop.count(flow)
            }
            try await ask(.tcpMessage, event, direction.interruption)
            message = event.message ?? message
            loop.keep(KeptMessage(message, index), of: flow)
        }
        client.services.printer.print(PrintedMessage(message, of: flow, detail), detail: detail)
        guard !message.dropped, message.content.readableBytes > 0 else { return }
        try await direction.send(message.content)
    }

    private func ask(_ event: Event, _ subject: TCPEvent, _ interruption: Interruption) async throws(FlowError) {
        try await dispatcher.ask(event, subject, on: loop, interruption, holdsUntil: flow.departure)
    }

    /// Ends both directions. The first reason counts.
    private func fail(_ error: FlowError) {
        if flow.failure == nil { flow.failure = .init(error: error, timestamp: secondsSinceEpoch()) }
        client.stream.close()
        server.close()
    }
}

extension PrintedConversation {
    fileprivate init(_ flow: TCPFlow) {
        self.init(
            client: flow.clientConnection.peername,
            name: Array("TCP \(flow.serverText)".utf8),
            outcome: flow.failure.map { "error: \($0.error.message)" } ?? "closed",
            messageCount: flow.messageCount,
            milliseconds: flow.timestampCreated.millisecondsAgo
        )
    }
}

extension PrintedMessage {
    fileprivate init(_ message: TCPMessage, of flow: TCPFlow, _ detail: Int) {
        self.init(
            client: flow.clientConnection.peername,
            fromClient: message.fromClient,
            kind: message.dropped ? "TCP (dropped)" : "TCP",
            server: Array(flow.serverText.utf8),
            content: message.content,
            detail: detail
        )
    }
}

extension TCPFlow {
    fileprivate var serverText: String { (serverConnection.address ?? serverConnection.peername)?.description ?? "" }
}
