import AddonProtocol
import NIOCore
import Testing

@testable import ProxyCodecs
@testable import ProxyCore

/// A response on its way down, held until addons have seen it.
struct HTTPExchangeResponseTests {
    @Test func `a guard that fails at the response refuses it, and the server's is not seen`() async throws {
        try await Bench.run { bench in
            let scene = try await ExchangeScene(bench, policy: "closed")
            scene.pass(upTo: "response")
            scene.ask()
            let server = try await scene.server.accept()
            server.send(ExchangeScene.answer + "hi")
            let response = try await scene.addon.next("response")
            scene.addon.fail(response, "no")
            let (head, body) = try await scene.client.readMessage()
            #expect(head.hasPrefix("HTTP/1.1 502 ") && body.contains("addon addon failed at response"))
            #expect(scene.addon.answered == ["requestheaders", "request", "responseheaders"])
        }
    }

    @Test func `when it leaves while the server thinks, the server's connection ends`() async throws {
        try await Bench.run { bench in
            let scene = try await ExchangeScene(bench)
            scene.pass(upTo: "error")
            scene.ask()
            let server = try await scene.server.accept()
            _ = try await server.readHead()
            try await scene.client.reset()
            #expect(await server.readToEnd() == "")
            #expect(try await scene.error() == "client_disconnected")
            #expect(scene.addon.answered == ["requestheaders", "request"])
        }
    }

    @Test(
        arguments: [
            ("", "server_disconnected", "server closed the connection before it answered"),
            ("HTTP/1.1 200 O", "server_disconnected", "server closed the connection before it answered"),
            ("SSH-2.0-x\r\n\r\n", "malformed_response", "the server's response is malformed"),
            (
                "HTTP/1.1 200 OK\r\nContent-Length: 9\r\n\r\nabc", "server_disconnected",
                "server closed the connection before the end of its response"
            ),
            (
                "HTTP/1.1 200 OK\r\nContent-Length: 1\r\nContent-Length: 2\r\n\r\nab", "malformed_response",
                "the server's response is malformed"
            ),
            (
                "HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\nxyz\r\n", "malformed_response",
                "the server's response is malformed"
            ),
        ]
    )
    func `a server that fails before its response was held is a 502 that says why`(
        sent: String,
        kind: String,
        message: String
    ) async throws {
        try await Bench.run { bench in
            let scene = try await ExchangeScene(bench)
            scene.pass(upTo: "error")
            scene.ask()
            let server = try await scene.server.accept()
            _ = try await server.readHead()
            server.send(sent)
            await server.finish()
            #expect(try await scene.error() == kind)
            let (head, body) = try await scene.client.readMessage()
            #expect(head.hasPrefix("HTTP/1.1 502 ") && body.contains(message), "\(body)")
            #expect(!scene.addon.answered.contains("response"))
            await server.readToEnd()
        }
    }
}
