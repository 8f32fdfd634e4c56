import AddonProtocol
import NIOCore
import ProxyCodecs

/// Serves HTTP/1 to a client: reads one request after another, and runs an exchange for each.
struct HTTP1Server {
    /// What determines where a request goes.
    enum Way {
        /// The request itself: the client knows that it speaks to a proxy.
        case proxy
        /// The tunnel that the request came through.
        case tunnel(Destination)
        /// The mode: everything goes to one server, whatever the request says.
        case reverse(Destination)

        var isProxy: Bool {
            switch self {
            case .proxy: true
            case .tunnel, .reverse: false
            }
        }
    }

    /// What the connection brings next.
    private enum Incoming {
        case head(RequestHead)
        case malformed(HTTP1Error, RequestHead)
        case ended
    }

    let client: Client
    let way: Way

    /// Serves requests until the connection ends.
    func serve() async {
        var parser = HTTP1HeadParser(limits: client.limits)
        while client.mayContinue || client.stream.unread.readableBytes > 0 {
            switch await nextHead(&parser) {
            case .ended:
                return
            case .malformed(let error, let understood):
                return await refuse(error, understood)
            case .head(let head):
                client.isBusy = true
                let goesOn = await serve(head)
                client.isBusy = false
                guard goesOn else { return }
            }
        }
    }

    private func nextHead(_ parser: inout HTTP1HeadParser) async -> Incoming {
        let stream = client.stream
        do throws(HTTP1Error) {
            while true {
                if let head = try parser.request(from: &stream.unread) {
                    stream.noteHead(isComing: false)
                    return .head(head)
                }
                let hasBegun = parser.hasBegun || stream.unread.readableBytes > 0
                if await hasBegun ? stream.readMoreOfHead() : stream.readMore() { continue }
                guard stream.headIsLate else { return .ended }
                throw HTTP1Error.lateHead(client.loop.options.headTimeout)
            }
        } catch {
            return .malformed(error, parser.understoodRequest)
        }
    }

    /// - Returns: whether another request may follow.
    private func serve(_ head: RequestHead) async -> Bool {
        do {
            let flow = HTTPFlow(id: client.loop.makeID(), clientConnection: client.info, request: try request(of: head))
            if head.method == "CONNECT" {
                let side = HTTP1ClientSide(client: client, flow: flow, framing: .none, keepsAlive: false)
                await ConnectTunnel(client: client, side, flow).run()
                return false
            }
            let side = HTTP1ClientSide(
                client: client,
                flow: flow,
                framing: try BodyFraming.ofRequest(head),
                keepsAlive: head.keepsAlive
            )
            await HTTPExchange(client: client, side, flow, isNamedByHost: isNamedByHost(flow.request)).run()
            return side.persists
        } catch {
            await refuse(error, head)
            return false
        }
    }

    /// Makes the request that a head begins, and determines its destination.
    func request(of head: RequestHead) throws(HTTP1Error) -> HTTPRequest {
        var fields = head.fields
        let destination: Destination
        var path: [UInt8] = []
        var authority: [UInt8] = []
        switch try target(of: head) {
        case .absolute(let scheme, let named, let target):
            destination = .init(scheme: scheme, host: named.host, port: named.port(scheme: scheme))
            path = target
            authority = Array(named.description(scheme: scheme).utf8)
            MessageRules.setHost(named, scheme: scheme, in: &fields)
        case .authority(let named):
            destination = .init(scheme: "", host: named.host, port: named.port(scheme: "https"))
            authority = head.target
        case .origin(let target):
            destination = try self.destination(of: head)
            path = target
        case .asterisk:
            destination = try self.destination(of: head)
            path = head.target
        }
        if case .reverse = way, !client.loop.options.keepHostHeader {
            let server = Authority(host: destination.host, port: destination.port)
            MessageRules.setHost(server, scheme: destination.scheme, in: &fields)
        }
        return HTTPRequest(
            method: head.method,
            scheme: destination.scheme,
            host: destination.host,
            port: destination.port,
            path: path,
            authority: authority,
            version: head.version,
            headers: fields,
            timestampStart: secondsSinceEpoch()
        )
    }

    /// The request's target. In reverse mode, only the path of the target counts.
    private func target(of head: RequestHead) throws(HTTP1Error) -> RequestTarget {
        let target = try RequestTarget(head)
        guard case .reverse = way else { return target }
        switch target {
        case .origin, .asterisk: return target
        case .absolute(_, _, let path): return .origin(path: path)
        case .authority:
            throw HTTP1Error(
                .unsupportedMethod,
                "a reverse proxy has a single destination and does not support CONNECT"
            )
        }
    }

    private func destination(of head: RequestHead) throws(HTTP1Error) -> Destination {
        switch way {
        case .tunnel(let destination), .reverse(let destination):
            return destination
        case .proxy:
            guard let host = head.fields.first("host"), !host.isEmpty else {
                throw HTTP1Error(.badTarget, "neither the request target nor a Host field names a destination")
            }
            let authority = try Authority(parsing: host)
            return .init(scheme: "http", host: authority.host, port: authority.port(scheme: "http"))
        }
    }

    /// Whether the client treats the proxy as the server. Its Host may then be an address that leads back here, such as that of
    /// a port forwarder, which only a mark in the request shows.
    private func isNamedByHost(_ request: HTTPRequest) -> Bool {
        way.isProxy && client.proxyItself.port != nil && client.serverAddress == nil && request.authority.isEmpty
    }

    /// Answers what is no request that may be forwarded. Addons hear of it when there is something to show.
    private func refuse(_ error: HTTP1Error, _ understood: RequestHead) async {
        client.loop.counters.malformedRequests += 1
        client.isBusy = true
        defer { client.isBusy = false }
        let kind = error.code == .lateHead ? FlowError.Kind.timeout : .malformedRequest
        let failure = FlowError(kind, error.message, status: error.status)
        let request = self.understood(understood)
        let flow = HTTPFlow(id: client.loop.makeID(), clientConnection: client.info, request: request)
        flow.request.body = .empty
        client.logMalformed(flow, error)
        // The end of such a request is unknown.
        let side = HTTP1ClientSide(client: client, flow: flow, framing: .untilClose, keepsAlive: false)
        await HTTPExchange(client: client, side, flow).refuse(failure, isShown: !understood.method.isEmpty)
    }

    /// The request, as far as it could be read.
    func understood(_ head: RequestHead) -> HTTPRequest {
        (try? request(of: head)) ?? unplaced(head)
    }

    /// A request whose destination is unknown.
    private func unplaced(_ head: RequestHead) -> HTTPRequest {
        HTTPRequest(
            method: head.method,
            scheme: "http",
            host: "",
            port: 0,
            path: head.target,
            authority: [],
            version: head.version,
            headers: head.fields,
            timestampStart: secondsSinceEpoch()
        )
    }
}
