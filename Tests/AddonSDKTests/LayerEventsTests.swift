import AddonProtocol
import Testing

@testable import AddonSDK

private struct Chooser: NextLayerHandler, TLSClientHelloHandler, ClientTLSHandler, TCPMessageHandler {
    let name = "chooser"

    func nextLayer(_ decision: LayerDecision) -> Layer? {
        decision.layer == .http1 && decision.clientData.starts(with: Array("RAW ".utf8)) ? .passthrough : nil
    }

    func tlsClientHello(_ hello: TLSClientHello) -> TLSClientHelloReply {
        if hello.serverName == "own.test", hello.server["address"] != nil { return .answer(certificate: "PEM", alpn: ["h2"]) }
        return hello.serverName == "pinned.test"
            ? .ignoreConnection : hello.ja4.hasPrefix("t12") ? .serverFirst(false) : .proceed
    }

    func tlsEstablishedClient(_ connection: JSONValue) {}

    func tlsFailedClient(_ connection: JSONValue, error: String) throws {
        throw ProtocolError(code: 1, message: error)
    }

    func tcpMessage(_ flow: TCPFlow) {
        switch flow.message?.content.first {
        case UInt8(ascii: "a"): flow.message?.content = [0, 0xFF]
        case UInt8(ascii: "b"): flow.message?.isDropped = true
        case UInt8(ascii: "c"): flow.kill()
        default: break
        }
    }
}

@Suite struct LayerEventsTests {
    private let table = HandlerTable(Chooser())

    private func reply(_ event: String, _ params: JSONValue) async throws -> JSONValue {
        let handler = try #require(table[event])
        return try await handler(params)
    }

    @Test func subscribesToWhatTheTypeConformsTo() {
        let events: Set<Event> = [.nextLayer, .tlsClienthello, .tlsEstablishedClient, .tlsFailedClient, .tcpMessage]
        #expect(Set(table.events) == events)
    }

    @Test(arguments: [("RAW x", ["layer": ["name": "passthrough"]]), ("GET /", [:])] as [(String, JSONValue)])
    func choosesALayer(data: String, reply: JSONValue) async throws {
        let layer: JSONValue = ["name": "http1", "layers": [], "data_client": .string(data), "data_server": ""]
        #expect(try await self.reply("next_layer", ["layer": layer]) == reply)
    }

    @Test(
        arguments: [
            ("pinned.test", "t13d", ["ignore_connection": true]),
            ("a.test", "t12d", ["establish_server_tls_first": false]),
            ("a.test", "t13d", [:]),
        ] as [(String, String, JSONValue)]
    )
    func answersAClientHello(name: String, ja4: String, reply: JSONValue) async throws {
        let hello: JSONValue = ["sni": .string(name), "ja4": .string(ja4), "cipher_suites": [4865]]
        #expect(try await self.reply("tls_clienthello", ["client_hello": hello]) == reply)
    }

    @Test func answersWithACertificate() async throws {
        let params: JSONValue = ["client_hello": ["sni": "own.test"], "server_conn": ["address": ["own.test", 443]]]
        #expect(try await reply("tls_clienthello", params) == ["certificate": "PEM", "alpn": ["h2"]])
        #expect(TLSClientHelloReply.answer().json == [:])
        #expect(TLSClientHelloReply.answer(alpn: []).json == ["alpn": []])
    }

    @Test func hearsOfBothSides() async throws {
        struct Listener: TLSOutcomeHandler {
            let name = "listener"

            func tlsOutcome(_ outcome: TLSOutcome) throws {
                let server = outcome.server["id"]?.stringValue ?? "none"
                throw ProtocolError(code: 1, message: "\(outcome.side) \(server) \(outcome.error ?? "fine")")
            }
        }
        let table = HandlerTable(Listener())
        func message(_ event: String, _ params: JSONValue) async throws -> String {
            let handler = try #require(table[event])
            do {
                _ = try await handler(params)
                return ""
            } catch let error as ProtocolError {
                return error.message
            }
        }
        let failed: JSONValue = ["conn": ["error": "no trust"], "client_conn": ["id": "c"], "server_conn": ["id": "s"]]
        #expect(try await message("tls_failed_server", failed) == "server s no trust")
        let fine: JSONValue = ["conn": ["error": .null], "client_conn": ["id": "c"], "server_conn": .null]
        #expect(try await message("tls_established_client", fine) == "client none fine")
    }

    @Test func hearsWhyTLSFailed() async throws {
        let params: JSONValue = ["conn": ["id": "c", "error": "no trust"]]
        await #expect(throws: ProtocolError.self) { try await reply("tls_failed_client", params) }
        #expect(try await reply("tls_established_client", params) == [:])
    }

    @Test(
        arguments: [
            ("abc", ["flow": ["messages": [["content": ["base64": "AP8="]]]]]),
            ("b", ["flow": ["messages": [["dropped": true]]]]), ("c", ["action": "kill"]), ("d", [:]),
        ] as [(String, JSONValue)]
    )
    func changesAMessage(content: String, reply: JSONValue) async throws {
        let message: JSONValue = [
            "from_client": true, "content": .string(content), "dropped": false, "injected": false,
        ]
        #expect(try await self.reply("tcp_message", ["flow": ["id": "f", "messages": [message]]]) == reply)
    }

    @Test func setsTheFirstLayerAndTLS() throws {
        let connection = ConnectionEvent(["root_layer": ["client_conn": [:], "server_conn": [:], "layers": []]])
        connection.firstLayer = .tcp
        #expect(connection.reply() == ["root_layer": ["layers": ["tcp"]]])
        let server = ConnectionEvent(["server_conn": ["tls": false, "sni": .null], "client_conn": [:]])
        server.usesTLS = true
        server.serverName = "a.test"
        #expect(server.reply() == ["server_conn": ["tls": true, "sni": "a.test"]])
    }
}
