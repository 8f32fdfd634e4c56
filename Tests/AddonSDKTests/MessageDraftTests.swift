import AddonProtocol
import Testing

@testable import AddonSDK

/// Messages are read from text as the daemon sends it.
@Suite struct MessageDraftTests {
    static let request =
        #"{"method":"GET","path":"/","port":80,"headers":[["a","1"]],"content":"x","stream":false,"trailers":null}"#

    private func flow(request: String = Self.request, response: String = "null") throws -> HTTPFlow {
        let frame =
            #"{"jsonrpc":"2.0","id":1,"method":"request","params":{"flow":{"id":"f","request":\#(request),"#
            + #""response":\#(response)}}}"#
        let call = try #require(IncomingCall(Array(frame.utf8)))
        return HTTPFlow(try #require(call.params["flow"]))
    }

    @Test func readsAndPatchesText() throws {
        let flow = try flow(response: #"{"status_code":200,"headers":[["b","2"]],"content":{"base64":"/w=="}}"#)
        #expect(flow.request.method == "GET" && flow.request.port == 80 && flow.request.text == "x")
        #expect(flow.request.headers["A"] == "1" && flow.request.trailers.isEmpty && flow.request.stream == .off)
        #expect(flow.response?.status == 200 && flow.response?.content == [0xFF])
        #expect(flow.snapshot["response"]?["status_code"] == 200 && flow.reply() == [:])
        flow.request.headers["c"] = "3"
        flow.request.trailers["t"] = "4"
        flow.response?.reason = "Fine"
        #expect(
            flow.reply() == [
                "flow": [
                    "request": ["headers": ["c": "3"], "trailers": ["t": "4"]], "response": ["reason": "Fine"],
                ]
            ]
        )
    }

    @Test func whatIsSetBackIsNoChange() throws {
        let flow = try flow()
        flow.request.method = "POST"
        flow.request.headers["a"] = "2"
        flow.request.content = nil
        flow.request.port = 81
        flow.request.stream = .on
        #expect(flow.request.method == "POST" && flow.request.content == nil)
        flow.request.method = "GET"
        flow.request.headers["a"] = "1"
        flow.request.content = [0x78]
        flow.request.port = 80
        flow.request.stream = .off
        #expect(flow.reply() == [:])
    }

    @Test func theLastThatIsSetComesLast() throws {
        let flow = try flow()
        flow.request.path = "/a"
        flow.request.url = "http://b/"
        flow.request.path = "/c"
        #expect(flow.reply()["flow"]?["request"]?.members?.map(\.name) == ["url", "path"])
    }

    @Test func aMessageOfAnotherFlowIsSetAsAChange() throws {
        let other = try flow(
            request: #"{"method":"PUT","path":"/","port":80,"headers":[["a","2"]],"content":"x"}"#,
            response: #"{"status_code":404,"reason":"","headers":[],"content":"no"}"#
        )
        let flow = try flow(response: #"{"status_code":200,"reason":"OK","headers":[],"content":"no"}"#)
        flow.request = other.request
        flow.response = other.response
        let changes: JSONValue = ["method": "PUT", "headers": ["a": "2"]]
        #expect(flow.reply() == ["flow": ["request": changes, "response": ["status_code": 404, "reason": ""]]])
    }

    @Test func equalMessagesAreEqualWhateverTheirText() throws {
        let other = try flow(request: Self.request.replacing(",", with: " , "))
        let same = try flow().request
        #expect(other.request == same)
        var changed = same
        changed.headers["a"] = "2"
        #expect(changed != same)
        changed.headers["a"] = "1"
        #expect(changed == same)
        changed.path = "/x"
        #expect(changed != same)
        #expect(HTTPResponse(status: 200) == HTTPResponse(status: 200, body: ""))
        #expect(HTTPResponse(status: 200) != HTTPResponse(status: 201))
    }
}
