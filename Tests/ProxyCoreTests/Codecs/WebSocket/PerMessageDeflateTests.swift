import AddonProtocol
import NIOCore
import Testing

@testable import ProxyCodecs
@testable import ProxyCore

@Suite struct PerMessageDeflateTests {
    private func negotiated(_ value: String) throws -> PerMessageDeflate? {
        try PerMessageDeflate(negotiatedIn: ["Sec-WebSocket-Extensions": value])
    }

    @Test("what a server answers is understood")
    func answers() throws {
        #expect(try PerMessageDeflate(negotiatedIn: HeaderFields()) == nil)
        let plain = try #require(try negotiated("permessage-deflate"))
        #expect(plain.client == PerMessageDeflate.Coding())
        let full = try #require(
            try negotiated(
                "Permessage-Deflate; server_no_context_takeover; client_max_window_bits=\"9\"; server_max_window_bits=8"
            )
        )
        #expect(full.server == .init(forgetsContext: true, windowBits: 8))
        #expect(full.client == .init(forgetsContext: false, windowBits: 9))
    }

    @Test(
        "an answer that means nothing is refused",
        arguments: [
            "x-webkit-deflate-frame", "permessage-deflate, permessage-deflate", "permessage-deflate; what",
            "permessage-deflate; server_max_window_bits=7", "permessage-deflate; server_max_window_bits",
            "permessage-deflate; client_no_context_takeover=1",
            "permessage-deflate; client_no_context_takeover; client_no_context_takeover",
        ]
    )
    func refusals(value: String) {
        #expect(throws: PerMessageDeflateError.self) { try negotiated(value) }
    }

    @Test("offers that are not understood are taken out, and others stay as they were written")
    func offers() {
        var fields: HeaderFields = ["sec-websocket-extensions": "foo, permessage-deflate; client_max_window_bits ,bar"]
        PerMessageDeflate.removeOtherOffers(from: &fields)
        #expect(fields == ["sec-websocket-extensions": "permessage-deflate; client_max_window_bits"])
        fields = ["Sec-WebSocket-Extensions": "foo"]
        PerMessageDeflate.removeOtherOffers(from: &fields)
        #expect(fields.isEmpty)
    }

    @Test("each window, with and without context, comes back as it was", arguments: 8...15)
    func windows(bits: Int) throws {
        for forgets in [false, true] {
            let coding = PerMessageDeflate.Coding(forgetsContext: forgets, windowBits: bits)
            let deflater = try #require(WebSocketDeflater(coding))
            let inflater = try #require(WebSocketInflater(coding))
            for size in [0, 1, 300, 5000, 5000, 0, 0, 70_000] {
                let plain = ByteBuffer(bytes: (0..<size).map { UInt8(truncatingIfNeeded: $0 * $0 / 7) })
                var back = ByteBuffer()
                try inflater.inflate(deflater.deflate(plain)) { back.writeBytes($0) }
                try inflater.end { back.writeBytes($0) }
                #expect(back == plain)
            }
            #expect(deflater.hasContext == !forgets)
        }
    }
}
