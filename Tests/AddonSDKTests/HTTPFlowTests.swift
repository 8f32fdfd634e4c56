import AddonProtocol
import Testing

@testable import AddonSDK

@Suite struct HTTPFlowTests {
    static let snapshot = #"""
        {"id":"f1","type":"http","error":null,"metadata":{"a":1},"comment":"","client_conn":{"peername":["::1",5]},
         "request":{"method":"GET","scheme":"http","host":"example.com","port":80,"path":"/","url":"http://example.com/",
           "authority":"example.com","http_version":"HTTP/1.1","content":"body","timestamp_start":1.5,
           "headers":[["Host","example.com"],["A","1"],["a","2"],["X-Bytes",{"base64":"//4="}],["Z",""]]},
         "response":{"status_code":200,"reason":"OK","headers":[["Server","x"]],"content":{"base64":"/w=="},
           "origin":"server"}}
        """#

    private func flow(_ snapshot: String = Self.snapshot) throws -> HTTPFlow {
        HTTPFlow(try JSONReader.read(Array(snapshot.utf8)))
    }

    private func reply(_ change: (HTTPFlow) -> Void) throws -> String {
        let flow = try flow()
        change(flow)
        return String(decoding: flow.reply().encoded(), as: UTF8.self)
    }

    @Test func readsTheSnapshot() throws {
        let flow = try flow()
        #expect(flow.id == "f1")
        #expect(flow.request.method == "GET" && flow.request.port == 80 && flow.request.timestampStart == 1.5)
        #expect(flow.request.text == "body")
        #expect(flow.request.headers["A"] == "1, 2")
        #expect(flow.request.headers.values(of: "a") == ["1", "2"])
        #expect(flow.request.headers["none"] == nil && flow.request.headers["z"] == "")
        #expect(flow.request.headers.map(\.name) == ["Host", "A", "a", "X-Bytes", "Z"])
        #expect(flow.response?.status == 200 && flow.response?.content == [0xFF] && flow.response?.origin == "server")
        #expect(flow.clientAddress == Address(host: "::1", port: 5))
        #expect(flow.metadata("a") == 1 && flow.error == nil && !flow.isReplay)
    }

    @Test func survivesAnEmptyOrWrongSnapshot() throws {
        for text in ["null", "{}", "[]", #"{"request":[],"response":{"headers":[[],["a"],3],"status_code":1e300}}"#] {
            let flow = try flow(text)
            #expect(flow.request.method.isEmpty && flow.request.headers.isEmpty)
            #expect(flow.reply() == .object([]))
        }
    }

    @Test func asksForABodyToBeStreamed() throws {
        #expect(try reply { $0.request.stream = .on } == #"{"flow":{"request":{"stream":true}}}"#)
        #expect(try reply { $0.response?.stream = .events } == #"{"flow":{"response":{"stream":"events"}}}"#)
    }

    @Test func chunksAreBytesBothWays() throws {
        let params = #"{"flow":{"id":"f"},"data":{"base64":"/w=="},"offset":3,"end":true}"#
        let chunk = BodyChunk(try JSONReader.read(Array(params.utf8)))
        #expect(chunk.flow == "f" && chunk.data == [0xFF] && chunk.offset == 3 && chunk.isEnd)
        #expect(BodyChunkReply.pass.json == .object([]))
        #expect(BodyChunkReply.replace([[0x61], [0xFF]]).json == ["data": ["a", ["base64": "/w=="]]])
        #expect(BodyChunkReply.passRest.json == ["rest": "original"])
    }

    @Test func sendsNothingWhenNothingChanges() throws {
        #expect(try reply { _ in } == "{}")
        #expect(try reply { $0.request = $0.request } == "{}")
        #expect(try reply { $0.request.headers["host"] = "example.com" } == "{}")
        #expect(try reply { $0.response?.content = [0xFF] } == "{}")
    }

    @Test func sendsOnlyWhatChanged() throws {
        #expect(
            try reply { flow in
                flow.request.method = "POST"
                flow.request.port = 81
                flow.request.text = "näh"
                flow.response?.status = 404
                flow.response?.content = [0xFE]
            }
                == #"{"flow":{"request":{"method":"POST","port":81,"content":"näh"},"#
                + #""response":{"status_code":404,"content":{"base64":"/g=="}}}}"#
        )
    }

    @Test func aResponseMadeAnewSaysItsStatus() throws {
        #expect(
            try reply { $0.response = HTTPResponse(status: 200, headers: ["Server": "x"], body: [0xFF]) }
                == #"{"flow":{"response":{"reason":"","status_code":200}}}"#
        )
    }

    @Test func sendsOnlyHeadersThatChanged() throws {
        #expect(
            try reply { flow in
                flow.request.headers["x"] = "1"
                flow.request.headers["A"] = nil
                flow.request.headers.set("z", to: ["3", "4"])
            } == #"{"flow":{"request":{"headers":{"Z":["3","4"],"x":"1","A":null}}}}"#
        )
        #expect(try reply { $0.request.headers.add("x", "1") } == #"{"flow":{"request":{"headers":{"x":"1"}}}}"#)
    }

    @Test func sendsTheListWhenAnObjectCannotSayIt() throws {
        let list = #"{"flow":{"request":{"headers":[["Host","example.com"],["A","1"],["a","2"],"#
        #expect(
            try reply { $0.request.headers.add("host", "b") }
                == list + #"["X-Bytes",{"base64":"//4="}],["Z",""],["host","b"]]}}}"#
        )
        #expect(
            try reply { flow in
                flow.request.headers.fields.remove("z")
                flow.request.headers.add("z", "")
            } == list + #"["X-Bytes",{"base64":"//4="}],["z",""]]}}}"#
        )
    }

    /// The object form means what `HeaderFields.set` does; any change must have the same result through it.
    @Test func patchesMakeTheSameHeaders() throws {
        let names = ["a", "A", "b", "C", "d"]
        for _ in 0..<3000 {
            let original = randomHeaders(names)
            var changed = Bool.random() ? original : randomHeaders(names)
            if Bool.random() { changed[names.randomElement() ?? "a"] = "new" }
            if Bool.random() { changed[names.randomElement() ?? "a"] = nil }
            if Bool.random() { changed.add(names.randomElement() ?? "a", "added") }
            #expect(apply(changed.patch(from: original), to: original) == changed)
        }
    }

    private func randomHeaders(_ names: [String]) -> Headers {
        var headers = Headers()
        for _ in 0..<Int.random(in: 0..<6) { headers.add(names.randomElement() ?? "a", "\(Int.random(in: 0..<3))") }
        return headers
    }

    private func apply(_ patch: JSONValue?, to headers: Headers) -> Headers {
        guard let patch else { return headers }
        guard let members = patch.members else { return Headers(patch) }
        var headers = headers
        for member in members {
            let values = member.value.arrayValue ?? (member.value.isNull ? [] : [member.value])
            headers.set(member.name, to: values.compactMap(\.stringValue))
        }
        return headers
    }

    @Test func sendsAWholeResponseWhereThereWasNone() throws {
        let flow = try flow(#"{"request":{},"response":null}"#)
        #expect(flow.response == nil)
        flow.response = HTTPResponse(status: 403, headers: ["content-type": "text/plain"], body: "no")
        let expected =
            #"{"flow":{"response":{"status_code":403,"headers":[["content-type","text/plain"]],"content":"no"}}}"#
        #expect(String(decoding: flow.reply().encoded(), as: UTF8.self) == expected)
        flow.response = nil
        #expect(flow.reply() == .object([]))
    }

    @Test func sendsActionsAndNotes() throws {
        #expect(try reply { $0.kill() } == #"{"action":"kill"}"#)
        #expect(try reply { $0.stop() } == #"{"stop":true}"#)
        #expect(try reply { $0.response = nil } == #"{"flow":{"response":null}}"#)
        let flow = try flow()
        flow.comment = "seen"
        flow.setMetadata("b", to: 2)
        flow.setMetadata("b", to: 3)
        flow.setMetadata("a", to: .null)
        #expect(flow.metadata("a") == nil && flow.metadata("b") == 3 && flow.comment == "seen")
        #expect(flow.reply() == ["flow": ["metadata": ["b": 3, "a": .null], "comment": "seen"]])
    }
}

extension HTTPFlowTests {
    @Test func sendsARequestElsewhere() throws {
        let flow = try flow()
        #expect(flow.upstreamProxy == nil)
        flow.serverAddress = Address(host: "10.0.0.7", port: 8443)
        #expect(flow.reply() == ["flow": ["server_conn": ["address": ["10.0.0.7", 8443]]]])
        flow.upstreamProxy = UpstreamProxy(.http, Address(host: "p", port: 3128))
        #expect(flow.reply()["flow"]?["server_conn"]?["via"] == ["http", ["p", 3128]])
        flow.upstreamProxy = nil
        #expect(flow.reply()["flow"]?["server_conn"]?["via"] == .null)
        #expect(flow.serverAddress?.port == 8443)
    }

    @Test func marksARecordedResponse() throws {
        let flow = try flow()
        flow.replay = .response
        #expect(flow.reply() == ["flow": ["is_replay": "response"]] && flow.replay == .response)
        flow.replay = nil
        #expect(flow.reply() == ["flow": ["is_replay": .null]])
    }
}

@Suite struct ConnectionEventTests {
    @Test func saysHowTLSIsSpokenAndFromWhere() {
        let event = ConnectionEvent(["server_conn": ["address": ["h", 1], "sockname": .null], "client_conn": .null])
        event.localAddress = Address(host: "127.0.0.5", port: 0)
        event.serverTLS.verifies = false
        event.serverTLS.clientCertificate = ""
        event.serverTLS.maximumVersion = "TLS1_2"
        #expect(
            event.reply() == [
                "server_conn": [
                    "sockname": ["127.0.0.5", 0], "verify": false, "client_cert": "", "tls_version_max": "TLS1_2",
                ]
            ]
        )
    }

    @Test func answersInTheShapeOfItsParams() throws {
        let client = ConnectionEvent(["root_layer": ["client_conn": ["peername": ["1.2.3.4", 5]]]])
        #expect(client.clientAddress == Address(host: "1.2.3.4", port: 5))
        #expect(client.reply() == .object([]))
        client.refuse("no")
        client.serverAddress = Address(host: "h", port: 1)
        #expect(
            client.reply() == ["root_layer": ["client_conn": ["error": "no"], "server_conn": ["address": ["h", 1]]]]
        )
        #expect(
            "\(client.clientAddress ?? Address(host: "", port: 0)) \(Address(host: "::1", port: 2))"
                == "1.2.3.4:5 [::1]:2"
        )
        let server = ConnectionEvent(["server_conn": ["address": ["h", 1], "error": "refused"], "client_conn": .null])
        #expect(server.serverAddress == Address(host: "h", port: 1) && server.error == "refused")
        server.refuse("no")
        #expect(server.reply() == ["server_conn": ["error": "no"]])
    }
}
