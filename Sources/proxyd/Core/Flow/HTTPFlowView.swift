import AddonProtocol
import NIOCore
import ProxyCodecs

/// An HTTP flow as filters see it.
struct HTTPFlowView: FilterableFlow {
    let flow: HTTPFlow
    /// The side whose body is still to come. What is missing elsewhere will never come.
    private let awaiting: FilterSide?

    init(flow: HTTPFlow) {
        self.flow = flow
        awaiting = nil
    }

    /// - Parameter event: the event before which the body of its message arrives, `request` or `response`.
    init(flow: HTTPFlow, awaiting event: Event) {
        self.flow = flow
        awaiting = event == .request ? .request : .response
    }

    var kind: FlowKind { .http }
    var method: [UInt8]? { Array(flow.request.method.utf8) }
    var url: [UInt8]? { flow.url }
    var hasResponse: Bool? { flow.response != nil }
    var status: Int? { flow.response?.status }
    var hasError: Bool { flow.failure != nil }
    var marked: String { flow.notes.marked }
    var comment: String { flow.notes.comment }
    var replay: String? { flow.replay?.rawValue }
    var source: String? { flow.clientConnection.peername?.description }

    /// The connection's destination, or that of the request while there is no connection.
    var destination: String? {
        (flow.serverConnection?.address ?? flow.way.address).description
    }

    var hosts: [[UInt8]] {
        let target = Array(flow.request.host.utf8)
        guard let field = flow.request.headers.first("host"), !Self.isOf(field, target),
            let named = try? Authority(parsing: field)
        else { return [target] }
        return named.host.utf8.elementsEqual(target) ? [target] : [target, Array(named.host.utf8)]
    }

    /// Whether a Host field names the host, with or without a port, as almost all do.
    private static func isOf(_ field: some Collection<UInt8>, _ host: [UInt8]) -> Bool {
        guard field.starts(with: host) else { return false }
        let port = field.dropFirst(host.count)
        return port.first.map { $0 == UInt8(ascii: ":") } ?? true
    }

    var metadata: String { flow.notes.metadataLines }

    func headerLines(of side: FilterSide) -> [UInt8]? {
        fields(of: side).map { fields in
            var lines: [UInt8] = []
            for index in 0..<fields.count {
                lines += fields.name(at: index) + [0x3a, 0x20] + fields.value(at: index) + [0x0d, 0x0a]
            }
            return lines
        }
    }

    func contentTypes(of side: FilterSide) -> [[UInt8]] {
        fields(of: side)?.values("content-type").map { Array($0) } ?? []
    }

    func bodies(of side: FilterSide) -> FilterBodies {
        guard let body = side == .request ? flow.request.body : flow.response?.body else { return .known([]) }
        if body.isComplete {
            guard let bytes = decoded(side, body) else { return .unknown }
            return .known([Array(bytes.readableBytesView)])
        }
        if side == awaiting { return .unknown }
        return .known(body.bytes.map { [Array($0.readableBytesView)] } ?? [])
    }

    /// The decoded content if the body can be decoded, which the flow then keeps; nil when decoding may take long.
    private func decoded(_ side: FilterSide, _ body: Body) -> ByteBuffer? {
        guard body.plain == nil, case .coded = body.form, let bytes = body.bytes, let fields = fields(of: side),
            let codings = try? ContentCodings(of: fields), !codings.isEmpty
        else { return body.plain ?? body.bytes }
        guard bytes.readableBytes <= Limits.codedOnLoop else { return nil }
        do throws(ContentCodingError) {
            let plain = try codings.decode(bytes, limit: Limits.decodedOnLoop)
            keep(plain, of: side)
            return plain
        } catch .tooLarge {
            return nil
        } catch {
            return bytes
        }
    }

    private func keep(_ plain: ByteBuffer, of side: FilterSide) {
        if side == .request {
            flow.request.body.form = .decoded(plain)
        } else {
            flow.response?.body.form = .decoded(plain)
        }
    }

    private func fields(of side: FilterSide) -> HeaderFields? {
        side == .request ? flow.request.headers : flow.response?.headers
    }
}

extension JSONValue {
    var text: String { String(decoding: encoded(), as: UTF8.self) }
}
