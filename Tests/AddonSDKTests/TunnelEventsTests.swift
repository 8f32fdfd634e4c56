import AddonProtocol
import Testing

@testable import AddonSDK

private struct Gatekeeper: SOCKS5AuthHandler, HTTPConnectUpstreamHandler, HTTPConnectedHandler, ServerConnectHandler {
    let name = "gatekeeper"

    func socks5Auth(username: String, password: String, client: JSONValue) -> Bool? {
        username == client["id"]?.stringValue ? nil : password == "sesame"
    }

    func httpConnectUpstream(_ flow: HTTPFlow) { flow.request.headers["X-Trace"] = "1" }

    func httpConnected(_ flow: HTTPFlow) {}

    func serverconnect(_ event: ConnectionEvent) {
        event.upstreamProxy =
            event.upstreamProxy == nil ? UpstreamProxy(.https, Address(host: "proxy.test", port: 3128)) : nil
    }
}

private struct Holder: ServerConnectHandler, ClientConnectHandler {
    let name = "holder"

    func clientconnect(_ event: ConnectionEvent) {
        event.serverAddress = Address(host: "a.test", port: 1)
        event.hold()
    }

    func serverconnect(_ event: ConnectionEvent) { event.hold() }
}

@Suite struct TunnelEventsTests {
    @Test func holdsConnections() async throws {
        let table = HandlerTable(Holder())
        let serverconnect = try #require(table["serverconnect"])
        let atServer = try await serverconnect(["server_conn": ["id": "s"], "client_conn": ["id": "c"]])
        #expect(atServer == ["action": "hold"])
        let root: JSONValue = ["client_conn": ["id": "c"], "server_conn": ["address": .null]]
        let clientconnect = try #require(table["clientconnect"])
        let atClient = try await clientconnect(["root_layer": root])
        #expect(atClient == ["root_layer": ["server_conn": ["address": ["a.test", 1]]], "action": "hold"])
    }

    private let table = HandlerTable(Gatekeeper())

    @Test func subscribesToWhatTheTypeConformsTo() {
        #expect(Set(table.events) == [.serverconnect, .httpConnectUpstream, .httpConnected, .socks5Auth])
    }

    @Test(arguments: [("ann", "sesame", #"{"valid":true}"#), ("ann", "x", #"{"valid":false}"#), ("c1", "x", "{}")])
    func socksLogins(username: String, password: String, reply: String) async throws {
        let params: JSONValue = [
            "client_conn": ["id": "c1"], "username": .string(username), "password": .string(password),
        ]
        let handler = try #require(table["socks5_auth"])
        #expect(try await String(decoding: handler(params).encoded(), as: UTF8.self) == reply)
    }

    @Test func changesTheHeadersOfAConnect() async throws {
        let handler = try #require(table["http_connect_upstream"])
        let reply = try await handler(["flow": ["id": "f", "request": ["method": "CONNECT", "headers": []]]])
        #expect(reply == ["flow": ["request": ["headers": ["X-Trace": "1"]]]])
    }

    @Test func choosesTheUpstreamProxy() async throws {
        let handler = try #require(table["serverconnect"])
        let set = try await handler(["server_conn": ["id": "s", "via": .null], "client_conn": ["id": "c"]])
        #expect(set == ["server_conn": ["via": ["https", ["proxy.test", 3128]]]])
        let via: JSONValue = ["http", ["other.test", 80]]
        let removed = try await handler(["server_conn": ["id": "s", "via": via], "client_conn": ["id": "c"]])
        #expect(removed == ["server_conn": ["via": .null]])
    }
}
