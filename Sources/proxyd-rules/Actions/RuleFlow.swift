import AddonProtocol
import AddonSDK

/// A flow as filters see it while rules change it.
final class RuleFlow: FilterableFlow {
    let flow: HTTPFlow
    let stage: Stage
    /// The URL that the request is sent to, if a rule changed it.
    private var mappedURL: String?
    private(set) var isKilled = false

    init(_ flow: HTTPFlow, _ stage: Stage) {
        self.flow = flow
        self.stage = stage
    }

    private var snapshot: JSONValue { flow.snapshot }

    /// The URL with the host that the client asked for.
    var prettyURL: String {
        if let mappedURL { return mappedURL }
        let request = flow.request
        guard let field = request.headers["host"], let named = RequestURL("\(request.scheme)://\(field)/") else {
            return request.url
        }
        let isUsual = request.port == (request.scheme == "https" ? 443 : 80)
        return "\(request.scheme)://\(named.host)\(isUsual ? "" : ":\(request.port)")\(request.path)"
    }

    func send(to url: String) {
        mappedURL = url
        flow.request.url = url
    }

    func kill() {
        isKilled = true
        flow.kill()
    }

    // MARK: What filters look at

    let kind = FlowKind.http
    var method: [UInt8]? { Array(flow.request.method.utf8) }
    var url: [UInt8]? { Array((mappedURL ?? flow.request.url).utf8) }

    var hosts: [[UInt8]] {
        if let mappedURL { return RequestURL(mappedURL).map { [Array($0.hostName.utf8)] } ?? [] }
        let named = flow.request.headers["host"].flatMap { RequestURL("http://\($0)/") }
        return [flow.request.host, named?.hostName].compactMap(\.self).map { Array($0.utf8) }
    }

    var hasResponse: Bool? { flow.response != nil }
    var status: Int? { flow.response?.status }

    private func headers(_ side: FilterSide) -> Headers? {
        side == .request ? flow.request.headers : flow.response?.headers
    }

    func headerLines(of side: FilterSide) -> [UInt8]? {
        headers(side).map { headers in
            let fields = headers.fields
            return (0..<fields.count).flatMap {
                fields.name(at: $0) + [0x3a, 0x20] + fields.value(at: $0) + [0x0d, 0x0a]
            }
        }
    }

    func contentTypes(of side: FilterSide) -> [[UInt8]] {
        headers(side)?.values(of: "content-type").map { Array($0.utf8) } ?? []
    }

    func bodies(of side: FilterSide) -> FilterBodies {
        let content = side == .request ? flow.request.content : flow.response?.content
        if let content { return .known([content]) }
        return side == .response && flow.response == nil ? .known([]) : .unknown
    }

    var source: String? { flow.clientAddress.map { "\($0)" } }
    var destination: String? { flow.serverAddress.map { "\($0)" } }
    var hasError: Bool { flow.error != nil }
    var marked: String { flow.marked }
    var comment: String { flow.comment }
    var metadata: String { snapshot["metadata"]?.metadataLines ?? "" }
    var replay: String? { snapshot["is_replay"]?.stringValue }
}

/// A WebSocket flow at one of its messages, as filters see it.
final class RuleMessage: FilterableFlow {
    let flow: WebSocketFlow
    private let handshake: RuleFlow
    var content: [UInt8]

    init(_ flow: WebSocketFlow) {
        self.flow = flow
        handshake = RuleFlow(flow.handshake, .message)
        content = flow.content
    }

    let kind = FlowKind.websocket
    var method: [UInt8]? { handshake.method }
    var url: [UInt8]? { handshake.url }
    var hosts: [[UInt8]] { handshake.hosts }
    var hasResponse: Bool? { handshake.hasResponse }
    var status: Int? { handshake.status }
    func headerLines(of side: FilterSide) -> [UInt8]? { handshake.headerLines(of: side) }
    func contentTypes(of side: FilterSide) -> [[UInt8]] { handshake.contentTypes(of: side) }
    func bodies(of side: FilterSide) -> FilterBodies {
        .known(flow.isFromClient == (side == .request) ? [content] : [])
    }
    var source: String? { handshake.source }
    var destination: String? { handshake.destination }
    var hasError: Bool { flow.error != nil }
    var marked: String { flow.snapshot["marked"]?.stringValue ?? "" }
    var comment: String { flow.snapshot["comment"]?.stringValue ?? "" }
    var metadata: String { flow.snapshot["metadata"]?.metadataLines ?? "" }
    var replay: String? { nil }
}

extension JSONValue {
    /// The metadata as lines `key: value`.
    fileprivate var metadataLines: String {
        (members ?? []).map { "\($0.name): \($0.value.stringValue ?? $0.value.description)" }.joined(separator: "\n")
    }
}
