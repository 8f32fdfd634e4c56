import AddonProtocol
import NIOCore
import Testing

@testable import FuzzTargets
@testable import ProxyCodecs
@testable import ProxyCore

struct FlowPatchTests {
    private let flow = HTTPFlow.sample(hasResponse: false)

    private func apply(_ patch: JSONValue) throws(PatchRefusal) -> Bool {
        try FlowPatch.apply(patch, to: flow, by: "x", view: .everything) { flow.snapshot }
    }

    private var headers: [String] {
        (0..<flow.request.headers.count).map { index in
            String(decoding: flow.request.headers.name(at: index), as: UTF8.self) + ": "
                + String(decoding: flow.request.headers.value(at: index), as: UTF8.self)
        }
    }

    @Test func headersByNameTouchNoOthers() throws {
        #expect(try apply(["request": ["headers": ["x-new": "1", "A": ["3", "4"]]]]))
        #expect(headers == ["Host: a.test", "A: 3", "A: 4", "Content-Length: 2", "x-new: 1"])
        #expect(flow.revision == 1)
    }

    @Test func aPatchOfNothingIsNoChange() throws {
        #expect(try !apply([:]))
        #expect(flow.revision == 0)
    }

    @Test func aChangedBodyTakesItsContentLengthAlong() throws {
        #expect(try apply(["request": ["content": "longer"]]))
        #expect(headers.last == "Content-Length: 6")
    }

    @Test func whatIsNotNamedStays() throws {
        flow.request.trailers = ["T": "1"]
        flow.notes.comment = "kept"
        let before = flow.snapshot
        #expect(try apply(["request": ["headers": ["a": .null]]]))
        #expect(flow.snapshot.without("request", "rev") == before.without("request", "rev"))
        let (old, new) = (before["request"], flow.snapshot["request"])
        #expect(new?.without("headers") == old?.without("headers") && new?["headers"] != old?["headers"])
    }

    @Test func allMembersAreApplied() throws {
        let message: JSONValue = ["trailers": ["t": "1"], "stream": false]
        #expect(try apply(["request": message, "comment": "new", "marked": "!"]))
        #expect(flow.request.trailers == ["t": "1"] && flow.notes.comment == "new" && flow.notes.marked == "!")
        #expect(try apply(["request": ["trailers": .null]]))
        #expect(flow.request.trailers == nil)
        #expect(try apply(["request": ["method": "PUT"], "response": ["status_code": 404, "headers": ["a": "1"]]]))
        #expect(flow.request.method == "PUT" && flow.response?.status == 404 && flow.response?.headers == ["a": "1"])
    }

    @Test func anotherCodingIsWhatTheBodyHasFromThenOn() throws {
        flow.request.body.form = .undecodable
        _ = try apply(["request": ["headers": ["content-encoding": "gzip"]]])
        guard case .coded = flow.request.body.form else {
            Issue.record("the body is still seen as before")
            return
        }
        #expect(headers.contains("Content-Length: 2") && flow.request.body.size == 2)
    }

    @Test func aLoginForTheNextProxyIsTheAddonsOwn() throws {
        _ = try apply(["request": ["headers": ["a": "1"]]])
        #expect(!flow.request.hasOwnProxyAuthorization)
        _ = try apply(["request": ["headers": ["Proxy-Authorization": "Basic eDp5"]]])
        #expect(flow.request.hasOwnProxyAuthorization)
    }

    @Test func nullRemovesAHeader() throws {
        _ = try apply(["request": ["headers": ["a": .null]]])
        #expect(headers == ["Host: a.test", "Content-Length: 2"])
    }

    @Test func aListReplacesAllHeaders() throws {
        _ = try apply(["request": ["headers": [["B", "1"], ["b", ["base64": "//4="]]]]])
        #expect(flow.request.headers.count == 2)
        #expect(Array(flow.request.headers.value(at: 1)) == [0xff, 0xfe])
    }

    @Test func hostAndPortTakeTheHostFieldAlong() throws {
        _ = try apply(["request": ["host": "b.test", "port": 8080]])
        #expect(headers.first == "Host: b.test:8080")
        #expect(flow.request.authority == Array("b.test:8080".utf8))
    }

    @Test func aRouteLeavesTheRequestAsItIs() throws {
        let before = headers
        #expect(try apply(["server_conn": ["address": ["10.0.0.7", 8443]]]))
        #expect(flow.route == Route(address: .init(host: "10.0.0.7", port: 8443), via: nil))
        #expect(headers == before && flow.request.host == "a.test")
        #expect(flow.snapshot["server_conn"]?["address"] == ["10.0.0.7", 8443])
        #expect(try apply(["server_conn": ["via": ["http", ["p", 3128]]]]))
        #expect(flow.way.via?.port == 3128 && flow.way.address.port == 8443)
        #expect(try !apply(["server_conn": flow.snapshot["server_conn"] ?? .null]), "what was sent is no change")
        #expect(try apply(["server_conn": ["address": .null]]))
        #expect(flow.way.address.host == "a.test" && flow.way.via?.host == "p")
    }

    @Test(arguments: ["connecting", "answered", "failed", "sent"])
    func aRouteIsSettledOnce(how: String) throws {
        #expect(try apply(["server_conn": ["address": ["10.0.0.7", 8443]]]))
        switch how {
        case "connecting": flow.state = .connecting
        case "answered": flow.response = .page(200, "")
        case "failed": flow.failure = .init(error: FlowError(.connectFailed, "refused"), timestamp: 1)
        default: flow.requestIsSent = true
        }
        let refusal = #expect(throws: PatchRefusal.self) { try apply(["server_conn": ["address": ["b", 1]]]) }
        #expect(refusal?.comesTooLate == true && refusal?.path == "flow.server_conn")
        #expect(flow.way.address.port == 8443)
        #expect(flow.snapshot["server_conn"]?.isNull == true, "a server that may not be used is not shown")
    }

    @Test func whileTheConnectionIsMadeTheRequestKeepsItsTarget() throws {
        flow.state = .connecting
        let refusal = #expect(throws: PatchRefusal.self) { try apply(["request": ["host": "b.test"]]) }
        #expect(refusal?.comesTooLate == true && flow.request.host == "a.test")
        #expect(try apply(["request": ["path": "/other"]]))
    }

    @Test func aRouteHasAnUsualOne() throws {
        let proxy = UpstreamProxy(scheme: .http, host: "p", port: 3128)
        flow.clientConnection.usualRoute = Route(address: nil, via: proxy)
        #expect(flow.snapshot["server_conn"]?.isNull ?? true || flow.serverConnection != nil)
        #expect(try apply(["server_conn": ["address": ["b", 1]]]))
        #expect(flow.way.via == proxy)
        #expect(try apply(["server_conn": ["via": .null]]))
        #expect(flow.way.via == nil && flow.way.address.host == "b")
    }

    @Test func onlyARecordedResponseIsAReplay() throws {
        #expect(throws: PatchRefusal.self) { try apply(["is_replay": "response"]) }
        #expect(throws: PatchRefusal.self) { try apply(["is_replay": "request"]) }
        #expect(try apply(["is_replay": "response", "response": ["status_code": 204]]))
        #expect(flow.replay == .response)
        #expect(try apply(["is_replay": .null]))
        #expect(flow.replay == nil)
        flow.replay = .request
        #expect(throws: PatchRefusal.self) { try apply(["is_replay": .null]) }
    }

    @Test func aHostFieldInThePatchStays() throws {
        _ = try apply(["request": ["host": "b.test", "headers": ["Host": "kept.test"]]])
        #expect(headers.first == "Host: kept.test")
    }

    /// With `content` or `url` beside it, the patch is compared with what was sent.
    @Test(
        arguments: [
            ["headers": [["Host", "a.test"], ["A", "1"], ["a", "2"], ["Content-Length", "2"]], "content": "hi"],
            ["headers": [["Host", "a.test"], ["A", "1"], ["a", "2"], ["Content-Length", "2"]], "content": "ho"],
            ["headers": ["HOST": "a.test"], "content": "ho"],
            ["headers": ["hOsT": "a.test"]],
        ] as [JSONValue]
    )
    func aHostFieldThatEqualsTheOldOneStays(patch: JSONValue) throws {
        let members = patch.members ?? []
        _ = try apply(["request": .object(members + [.init("host", "b.test")])])
        #expect(headers.first == "Host: a.test" && flow.request.host == "b.test")
        _ = try apply(["request": .object(members + [.init("url", "http://c.test/")])])
        #expect(headers.first == "Host: a.test" && flow.request.host == "c.test")
    }

    @Test(arguments: ["a.test", ""])
    func anAuthorityInThePatchStays(authority: String) throws {
        _ = try apply(["request": ["host": "b.test", "authority": .string(authority), "content": "new"]])
        #expect(flow.request.authority == Array(authority.utf8) && headers.first == "Host: b.test")
    }

    @Test func theHostFieldFollowsInASnapshotThatCameBack() throws {
        let text = String(decoding: flow.snapshot.encoded(), as: UTF8.self)
        let edited = text.replacing("\"host\":\"a.test\"", with: "\"host\":\"b.test\"")
        #expect(try apply(JSONReader.read(Array(edited.utf8))))
        #expect(headers.first == "Host: b.test" && flow.request.authority == Array("b.test".utf8))
    }

    @Test(
        arguments: [
            ["url": "http://c.test/x", "port": 80, "content": "new"], ["port": 80, "url": "http://c.test:8080/x"],
        ] as [JSONValue]
    )
    func partsGoOverTheURL(patch: JSONValue) throws {
        _ = try apply(["request": patch])
        #expect(flow.request.url == Array("http://c.test/x".utf8))
    }

    @Test(
        arguments: [
            ["reason": "OK", "status_code": 404], ["status_code": 404, "reason": "OK", "content": "x"],
        ] as [JSONValue]
    )
    func aReasonInThePatchStays(patch: JSONValue) throws {
        _ = try apply(["response": ["status_code": 200]])
        _ = try apply(["response": patch])
        #expect(flow.response?.status == 404 && flow.response?.reason == Array("OK".utf8))
        _ = try apply(["response": ["status_code": 500]])
        #expect(flow.response?.reason == Array("OK".utf8), "it is no usual one")
    }

    @Test func aURLSetsItsParts() throws {
        _ = try apply(["request": ["url": "https://c.test/x"]])
        #expect(flow.request.scheme == "https" && flow.request.host == "c.test" && flow.request.port == 443)
        #expect(flow.request.path == Array("/x".utf8))
    }

    @Test func theWholeSnapshotChangedInOnePlaceIsAnAnswer() throws {
        let text = String(decoding: flow.snapshot.encoded(), as: UTF8.self)
        let edited = text.replacing("\"method\":\"POST\"", with: "\"method\":\"PUT\"")
        #expect(try apply(JSONReader.read(Array(edited.utf8))))
        #expect(flow.request.method == "PUT")
        #expect(headers == ["Host: a.test", "A: 1", "a: 2", "Content-Length: 2"])
    }

    @Test func theWholeSnapshotUnchangedIsNoChange() throws {
        #expect(try !apply(flow.snapshot))
        #expect(flow.revision == 0)
    }

    @Test func aResponseIsBegunWithDefaults() throws {
        _ = try apply(["response": ["status_code": 404, "content": "gone"]])
        let response = try #require(flow.response)
        #expect(response.status == 404 && response.reason == Array("Not Found".utf8))
        #expect(response.origin == .addon("x") && response.body.size == 4)
    }

    @Test func aServersResponseThatWasLostIsNoneToChange() throws {
        flow.response = HTTPResponse(addon: "server")
        flow.response?.origin = .server
        flow.response?.body = .whole(ByteBuffer(string: "half"))
        flow.failure = .init(error: FlowError(.serverDisconnected, "gone"), timestamp: 1)
        #expect(throws: PatchRefusal.self) { try apply(["response": ["headers": ["a": "b"]]]) }
        _ = try apply(["response": ["content": "half"]])
        #expect(flow.response?.body.size == 4 && flow.response?.origin == .addon("x"))
    }

    @Test(
        arguments: [
            (["response": ["headers": ["a": "b"]]], "flow.response"),
            (["response": ["reason": "Fine"]], "flow.response"),
            (["response": [:]], "flow.response"),
            (["request": ["headers": ["a": "x\r\nb: y"]]], "flow.request.headers"),
            (["request": ["headers": [":path": "/"]]], "flow.request.headers"),
            (["request": ["headers": ["sp ace": "1"]]], "flow.request.headers"),
            (["request": ["headers": ["Content-Length": "7"]]], "flow.request.headers"),
            (["request": ["headers": ["Transfer-Encoding": "chunked"]]], "flow.request.headers"),
            (["request": ["method": "NO GOOD"]], "flow.request.method"),
            (["request": ["port": 0]], "flow.request.port"),
            (["request": ["path": "no slash"]], "flow.request.path"),
            (["request": ["url": "ftp://x/"]], "flow.request.url"),
            (["request": ["timestamp_start": 3]], "flow.request.timestamp_start"),
            (["request": ["nonsense": 3]], "flow.request.nonsense"),
            (["request": ["content": 3]], "flow.request.content"),
            (["response": ["status_code": 99]], "flow.response.status_code"),
            (["response": ["status_code": 101]], "flow.response.status_code"),
            (["response": ["status_code": 1000]], "flow.response.status_code"),
            (["id": "other"], "flow.id"),
            (["client_conn": ["error": "x"]], "flow.client_conn"),
        ] as [(JSONValue, String)]
    )
    func whatMayNotBeIsRefusedWithItsPlace(patch: JSONValue, path: String) {
        let before = flow.snapshot
        let refusal = #expect(throws: PatchRefusal.self) { try apply(patch) }
        #expect(refusal?.path.hasPrefix(path) ?? false, "\(refusal?.path ?? "")")
        #expect(flow.snapshot == before)
    }

    @Test(
        arguments: [
            ["request": ["method": "PUT", "port": 70_000]], ["request": ["method": "PUT"], "comment": "x", "id": "y"],
            ["comment": "x", "response": ["status_code": 200], "request": ["headers": ["x-a": "1", "": "2"]]],
            ["response": ["status_code": 200, "content": "x", "headers": ["content-length": "2"]]],
        ] as [JSONValue]
    )
    func oneRefusalRefusesTheWholePatch(patch: JSONValue) {
        let before = flow.snapshot
        #expect(throws: PatchRefusal.self) { try apply(patch) }
        #expect(flow.snapshot == before)
    }

    @Test func whatHasBeenSentDoesNotChange() {
        flow.requestIsSent = true
        #expect(throws: PatchRefusal.self) { try apply(["request": ["method": "PUT"]]) }
    }
}

extension JSONValue {
    fileprivate func without(_ names: String...) -> JSONValue {
        .object((members ?? []).filter { !names.contains($0.name) })
    }
}
