#if DEBUG
import AddonProtocol
import NIOCore

@testable import ProxyCodecs
@testable import ProxyCore

/// A patch is applied whole or not at all, and the result of applying it to a message is one message.
func fuzzPatch(_ input: FuzzInput) throws(FuzzFinding) {
    var input = input
    let flow = HTTPFlow.sample(hasResponse: input.flag())
    guard let patch = try? JSONReader.read(input.rest()) else { return }
    let before = flow.snapshot
    do throws(PatchRefusal) {
        _ = try FlowPatch.apply(patch, to: flow, by: "x", view: .everything) { flow.snapshot }
    } catch {
        try hold(flow.snapshot == before, "refused (\(error.path): \(error.reason)), but something has changed")
        return
    }
    try hold((try? JSONReader.read(flow.snapshot.encoded())) == flow.snapshot, "its snapshot reads otherwise")
    try holdAsHTTP1(flow.request)
    if let response = flow.response { try holdAsHTTP1(response) }
}

private func holdAsHTTP1(_ request: HTTPRequest) throws(FuzzFinding) {
    let head = RequestHead(
        method: request.method,
        target: request.path,
        version: .http11,
        fields: request.headers
    )
    try holdAsHTTP1(ReadMessage(head: .request(head), framing: .none), from: .client)
}

private func holdAsHTTP1(_ response: HTTPResponse) throws(FuzzFinding) {
    let head = ResponseHead(
        status: response.status,
        reason: response.reason,
        version: .http11,
        fields: response.headers
    )
    try holdAsHTTP1(ReadMessage(head: .response(head), framing: .none), from: .server(method: "HEAD"))
}

/// A filter and its negation never hold for the same flow.
func fuzzFilter(_ input: FuzzInput) throws(FuzzFinding) {
    var input = input
    let text = String(decoding: input.takeToNUL(), as: UTF8.self)
    guard let filter = try? FlowFilter(parsing: text) else { return }
    let flow = HTTPFlow.sample(hasResponse: true)
    flow.request.body = .whole(ByteBuffer(bytes: input.rest()))
    let answer = filter.matches(HTTPFlowView(flow: flow))
    guard let negated = try? FlowFilter(parsing: "!(\(text))") else { return }
    guard let answer, let opposite = negated.matches(HTTPFlowView(flow: flow)) else { return }
    try hold(answer != opposite, "it is \(answer), and its negation too")
}

extension HTTPFlow {
    static func sample(id: String = "f1", hasResponse: Bool) -> HTTPFlow {
        let flow = HTTPFlow(
            id: id,
            clientConnection: ConnectionInfo(id: "c1", side: .client(mode: "regular"), number: 1),
            request: HTTPRequest(
                method: "POST",
                scheme: "http",
                host: "a.test",
                port: 80,
                path: Array("/p?q=1".utf8),
                authority: Array("a.test".utf8),
                version: .http11,
                headers: ["Host": "a.test", "A": "1", "a": "2", "Content-Length": "2"],
                body: .whole(ByteBuffer(string: "hi")),
                timestampStart: 1
            )
        )
        guard hasResponse else { return flow }
        flow.response = HTTPResponse(addon: "x")
        flow.response?.headers = ["Content-Type": "text/plain", "Set-Cookie": "a", "set-cookie": "b"]
        flow.response?.body = .whole(ByteBuffer(string: "answer"))
        return flow
    }
}
#endif
