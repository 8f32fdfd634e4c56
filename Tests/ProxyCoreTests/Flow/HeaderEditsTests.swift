import AddonProtocol
import Testing

@testable import FuzzTargets
@testable import ProxyCodecs
@testable import ProxyCore

/// The short way of a patch does what the long one would do, or nothing.
struct HeaderEditsTests {
    private func read(_ headers: String, of part: String) throws -> HeaderEdits {
        let frame = #"{"jsonrpc":"2.0","id":1,"result":{"flow":{"\#(part)":{"headers":\#(headers)}}}}"#
        return try #require(Array(frame.utf8).withUnsafeBytes { HeaderReply($0) }).edits
    }

    private func patch(_ edits: HeaderEdits) -> JSONValue { edits.json["flow"] ?? .null }

    @Test(
        arguments: [
            #"{"x-new":"1"}"#, #"{"A":"3"}"#, #"{"a":null}"#, #"{"none":null}"#, #"{"HOST":"b.test"}"#,
            #"{"x":"1","X":"2","x-y":"3","a":null,"A":"4"}"#, #"{"set-cookie":"c","content-type":null}"#, #"{"x":""}"#,
            #"{"content-type":"text/plain"}"#,
        ],
        ["request", "response"]
    )
    func `both ways set the same`(headers: String, part: String) throws {
        let edits = try read(headers, of: part)
        let (short, long) = (HTTPFlow.sample(hasResponse: true), HTTPFlow.sample(hasResponse: true))
        let named = NamedFields(patch(edits))
        let before = try #require(long.excerpt(of: named)).json
        #expect(try FlowPatch.apply(patch(edits), to: long, by: "x", view: .everything) { long.snapshot })
        let excerpts = try #require(short.apply(edits))
        #expect(short.request.headers == long.request.headers && short.response?.headers == long.response?.headers)
        #expect(short.revision == long.revision)
        let after = try #require(long.excerpt(of: named)).json
        #expect(excerpts.before.json == before && excerpts.after.json == after)
    }

    /// What follows from these, or why they are refused, the long way knows.
    @Test(
        arguments: [
            #"{"Content-Length":"2"}"#, #"{"transfer-encoding":"chunked"}"#, #"{"content-encoding":null}"#,
            #"{"proxy-authorization":"x"}"#, #"{"a b":"1"}"#, #"{"":"1"}"#, #"{":path":"1"}"#, #"{"x":" 1"}"#,
            #"{"x":"1 "}"#, "{\"x\":\"\u{7f}\"}", #"{"x":"1","content-length":"9"}"#,
        ],
        ["request", "response"]
    )
    func `what means more is left`(headers: String, part: String) throws {
        let flow = HTTPFlow.sample(hasResponse: true)
        let before = (flow.request.headers, flow.response?.headers)
        #expect(try flow.apply(read(headers, of: part)) == nil)
        #expect(flow.request.headers == before.0 && flow.response?.headers == before.1 && flow.revision == 0)
    }

    @Test(arguments: ["request", "response"])
    func `so is what comes too late`(part: String) throws {
        let flow = HTTPFlow.sample(hasResponse: true)
        (flow.requestIsSent, flow.responseIsSent) = (true, true)
        #expect(try flow.apply(read(#"{"x":"1"}"#, of: part)) == nil)
        flow.response = nil
        flow.responseIsSent = false
        #expect(try flow.apply(read(#"{"x":"1"}"#, of: "response")) == nil)
    }

    @Test func `so is what may be over a limit`() throws {
        let flow = HTTPFlow.sample(hasResponse: true)
        let count = flow.request.headers.count
        let byteCount = flow.request.headers.wireByteCount
        for (fields, bytes, isTaken) in [(0, 100, false), (1, 5, false), (1, 100, true)] {
            var options = Options()
            (options.headFieldsLimit, options.headSizeLimit) = (count + fields, byteCount + bytes)
            flow.limits = FlowLimits(options)
            let excerpts = try flow.apply(read(#"{"x":"1"}"#, of: "request"))
            #expect((excerpts != nil) == isTaken)
        }
    }
}
