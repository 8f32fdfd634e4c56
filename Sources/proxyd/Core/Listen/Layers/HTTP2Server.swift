import AddonProtocol
import NIOCore
import NIOHTTP2
import ProxyCodecs

/// Serves HTTP/2 to a client, with one concurrent exchange per stream (RFC 9113).
final class HTTP2Server: @unchecked Sendable {
    private let client: Client
    private let way: HTTP1Server.Way
    private var connection: HTTP2Connection?
    private var sides: [ObjectIdentifier: HTTP2ClientSide] = [:]
    /// The number of active exchanges.
    private var running = 0
    private var idleWaiter: UnsafeContinuation<Void, Never>?

    init(client: Client, way: HTTP1Server.Way) {
        self.client = client
        self.way = way
    }

    /// Serves until the connection and all its exchanges have ended.
    func serve() async {
        do {
            let connection = try HTTP2Connection.server(on: client.stream, client.limits) { stream, head, isLast in
                self.accept(stream, head, isLast: isLast)
            }
            self.connection = connection
            client.onStop = { self.stop() }
            defer { client.onStop = nil }
            await client.interruption.during(
                { await connection.closed() },
                cut: { self.cut($0) }
            )
            if let breach = connection.breach {
                client.services.log.warn("client \(client.info.peername?.description ?? "") is cut off: \(breach)")
            }
        } catch {
            client.services.log.warn("client \(client.info.peername?.description ?? "") is cut off: \(error)")
        }
        if running > 0 { await withUnsafeContinuation { idleWaiter = $0 } }
        connection = nil
    }

    /// Accepts no more streams; the connection ends with the last open one.
    private func stop() {
        connection?.goAway()
        closeIfDone()
    }

    private func cut(_ error: FlowError) {
        for side in sides.values { side.interruption.interrupt(error) }
        connection?.close()
    }

    private func closeIfDone() {
        if running == 0, !client.mayContinue { connection?.close() }
    }

    private func accept(_ stream: HTTP2Stream, _ block: FieldBlock, isLast: Bool) {
        guard running < Limits.http2Exchanges else { return stream.reset(.refusedStream) }
        running += 1
        client.isBusy = true
        client.loop.start { await self.exchange(stream, block, isLast: isLast) }
    }

    private func exchange(_ stream: HTTP2Stream, _ block: FieldBlock, isLast: Bool) async {
        await serve(stream, block, isLast: isLast)
        sides[ObjectIdentifier(stream)] = nil
        running -= 1
        guard running == 0 else { return }
        client.isBusy = false
        closeIfDone()
        let waiting = idleWaiter
        idleWaiter = nil
        waiting?.resume()
    }

    private func serve(_ stream: HTTP2Stream, _ block: FieldBlock, isLast: Bool) async {
        do throws(HTTP1Error) {
            let parsed = try HTTP2Fields(block, of: .request)
            let head = try parsed.requestHead(isProxied: way.isProxy)
            let isConnect = head.method == "CONNECT"
            let isWebSocket = parsed.pseudo.first(":protocol") != nil
            if isWebSocket, isLast { throw HTTP1Error(.incompleteBody, "a CONNECT request that ends its stream") }
            let opensTunnel = isConnect || isWebSocket
            let length = opensTunnel ? .none : try BodyLength(head.fields, isLast: isLast)
            var request = try HTTP1Server(client: client, way: way).request(of: head)
            request.authority = Array(parsed.pseudo.first(":authority") ?? [])
            let flow = HTTPFlow(id: client.loop.makeID(), clientConnection: client.info, request: request)
            let side = HTTP2ClientSide(stream, flow, client.limits, requestLength: length)
            if opensTunnel { side.opensTunnel(on: client.loop) }
            sides[ObjectIdentifier(stream)] = side
            if isConnect {
                guard let tunnel = side.tunnel else { return stream.reset(.internalError) }
                await carry(tunnel, flow, through: side)
            } else {
                await HTTPExchange(client: client, side, flow).run()
            }
        } catch {
            await refuse(error, stream, block)
        }
    }

    /// Opens a tunnel and serves its content until both have ended. The tunnel has no connection events of its own.
    private func carry(_ tunnel: ByteStream, _ flow: HTTPFlow, through side: HTTP2ClientSide) async {
        let client = Client(in: tunnel, of: client)
        client.begin()
        client.isBusy = true
        client.watchInput()
        await ConnectTunnel(client: client, side, flow).run()
        if tunnel.isOpen { await tunnel.finishOutput() }
        client.close()
        client.end()
    }

    /// Ends a stream whose request must not be forwarded (RFC 9113, section 8.1.1).
    private func refuse(_ error: HTTP1Error, _ stream: HTTP2Stream, _ block: FieldBlock) async {
        client.loop.counters.malformedRequests += 1
        let head = RequestHead(understood: block.fields)
        let request = HTTP1Server(client: client, way: way).understood(head)
        let flow = HTTPFlow(id: client.loop.makeID(), clientConnection: client.info, request: request)
        flow.request.body = .empty
        client.logMalformed(flow, error)
        let isMalformed = error.status == 400
        let side = HTTP2ClientSide(stream, flow, client.limits, requestLength: .unknown, isMalformed: isMalformed)
        sides[ObjectIdentifier(stream)] = side
        let failure = FlowError(.malformedRequest, error.message, status: error.status)
        await HTTPExchange(client: client, side, flow).refuse(failure, isShown: !head.method.isEmpty)
    }
}

extension RequestHead {
    /// The parts of a refused head that can be shown.
    fileprivate init(understood block: HeaderFields) {
        var fields = block
        fields.removeAll {
            !HTTPSyntax.isToken(Array($0.name(at: $1))) || !HTTPSyntax.isFieldValue(Array($0.value(at: $1)))
        }
        let method = Array(block.first(":method") ?? [])
        let path = Array(block.first(":path") ?? [])
        self.init(
            method: HTTPSyntax.isToken(method) ? String(decoding: method, as: UTF8.self) : "",
            target: HTTPSyntax.isRequestPath(path) ? path : [],
            version: .http2,
            fields: fields
        )
    }
}
