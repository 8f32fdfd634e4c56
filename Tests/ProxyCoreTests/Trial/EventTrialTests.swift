import AddonProtocol
import Foundation
import Testing

@testable import ProxyCodecs
@testable import ProxyCore

struct EventTrialTests {
    private func example(_ event: Event) throws -> JSONValue {
        let folder = URL(filePath: #filePath).deletingLastPathComponent().appending(path: "../../../schema/examples")
        let data = try Data(contentsOf: folder.appending(path: "event-\(event.rawValue).json"))
        let params = try JSONReader.read(Array(data))["message"]?["params"] ?? .null
        return .object((params.members ?? []).filter { $0.name != "_meta" })
    }

    private func refusal(
        _ event: Event,
        _ reply: JSONValue,
        body: Subscription.Body = .full
    ) throws -> EventTrial.Refusal? {
        try EventTrial(Subscription(event: event, body: body), params: try example(event)).refusal(of: reply)
    }

    /// Expects the members of `part` to equal those of `whole`, except current times and hashes.
    private func expectSame(_ part: JSONValue, _ whole: JSONValue, _ path: String) {
        if ["ja4", "timestamp"].contains(path.split(separator: ".").last) { return }
        switch (part, whole) {
        case (.object(let members), .object):
            for member in members { expectSame(member.value, whole[member.name] ?? .null, "\(path).\(member.name)") }
        case (.array(let parts), .array(let wholes)):
            #expect(parts.count == wholes.count, "\(path)")
            for (part, whole) in zip(parts, wholes) { expectSame(part, whole, path) }
        default: #expect(part == whole || part.doubleValue == whole.doubleValue, "\(path)")
        }
    }

    @Test(arguments: Event.allCases.filter { $0.availability == .now })
    func `an addon is sent what the golden example has`(_ event: Event) throws {
        let example = try example(event)
        let params = try EventTrial(Subscription(event: event), params: example).params
        expectSame(example, params, event.rawValue)
    }

    @Test func `what a subscription leaves out is not sent`() throws {
        let subscription = Subscription(
            event: .request,
            body: .preview(4),
            include: ["request.content", "request.method"]
        )
        let flow = try EventTrial(subscription, params: try example(.request)).params["flow"]
        #expect(flow?.members?.map(\.name) == ["id", "type", "request"])
        #expect(flow?["request"]?["content"]?.bytesValue?.count == 4)
        #expect(flow?["request"]?["content_complete"] == false)
    }

    @Test func `replies are judged by the gates of the daemon`() throws {
        let header: JSONValue = ["flow": ["request": ["headers": ["x-a": "1"]]]]
        #expect(try refusal(.request, header) == nil)
        #expect(try refusal(.request, .null) == nil)
        #expect(try refusal(.request, ["flow": ["server_conn": ["address": ["h", 1]]]]) == nil)
        #expect(try refusal(.response, ["flow": ["server_conn": ["address": ["h", 1]]]])?.path == "flow.server_conn")
        #expect(try refusal(.serverconnect, ["server_conn": ["verify": false, "sockname": ["::1", 0]]]) == nil)
        #expect(
            try refusal(.serverconnect, ["server_conn": ["tls_version_max": "TLS1"]])?.path
                == "server_conn.tls_version_max"
        )
        #expect(try refusal(.tlsClienthello, ["alpn": ["h2"]]) == nil)
        #expect(try refusal(.tlsClienthello, ["certificate": "none"])?.reason == "it holds no private key")
        #expect(try refusal(.response, header)?.reason == "the request has been sent already")
        #expect(try refusal(.request, ["flow": ["rev": 9]])?.reason == "is read-only")
        #expect(try refusal(.request, "done")?.path == "result")
        #expect(try refusal(.serverconnect, ["action": "hold"]) == nil)
        #expect(try refusal(.request, ["flow": ["request": ["content": "x"]]]) == nil)
        #expect(try refusal(.request, ["flow": ["request": ["content": "x"]]], body: .none) != nil)
        #expect(try refusal(.nextLayer, ["layer": ["name": "tcp"]]) == nil)
        #expect(try refusal(.nextLayer, ["layer": ["name": "websocket"]])?.path == "layer.name")
        #expect(try refusal(.tcpMessage, ["flow": ["messages": [["content": "x"]]]]) == nil)
        #expect(
            try refusal(.tcpMessage, ["flow": ["messages": [["from_client": false]]]])?.path
                == "flow.messages[0].from_client"
        )
        #expect(try refusal(.websocketMessage, ["flow": ["messages": [["dropped": true]]]]) == nil)
        #expect(try refusal(.requestData, ["rest": "all"])?.path == "rest")
        #expect(try refusal(.socks5Auth, ["valid": 1])?.path == "valid")
        #expect(try refusal(.clientconnect, ["root_layer": ["layers": ["tcp"]]])?.path == "root_layer.layers")
        #expect(try refusal(.tlsClienthello, ["ignore_connection": true]) == nil)
        #expect(try refusal(.serverconnect, ["server_conn": ["address": ["a b", 1]]]) != nil)
    }

    @Test func `a snapshot that comes back changes nothing`() throws {
        for event in Event.allCases where event.availability == .now && event.isRequest && !event.isLifecycle {
            let trial = try EventTrial(Subscription(event: event), params: try example(event))
            #expect(trial.refusal(of: trial.params) == nil, "\(event)")
        }
    }

    @Test func `a filter may fit or not`() throws {
        let trial = try EventTrial(Subscription(event: .request), params: try example(.request))
        #expect(trial.mayMatch("~m post & ~d shop"))
        #expect(!trial.mayMatch("~m get"))
    }
}
