import AddonProtocol
import Testing

@testable import ProxyCodecs
@testable import ProxyCore

struct ViaTests {
    @Test(
        arguments: [
            ([], 0), (["1.1 me"], 1), (["1.0 fred, 1.1 me (a comment)"], 1), (["1.1 me", "2 other, 1.1 me"], 2),
            (["1.1 mean", "1.1 m", "me", "HTTP/1.1 me"], 1), (["1.1  me"], 1),
        ] as [([String], Int)]
    )
    func `how often a message has come by a name`(values: [String], count: Int) {
        var fields = HeaderFields()
        for value in values { fields.append("Via", value) }
        #expect(Via.count("me", in: fields) == count)
    }

    @Test func `each version has its number`() {
        var fields = HeaderFields()
        for version in [HTTPVersion.http10, .http11, .http2] { Via.add("me", to: &fields, receivedIn: version) }
        #expect(fields.values("via").map { String(decoding: $0, as: UTF8.self) } == ["1.0 me", "1.1 me", "2 me"])
    }

    @Test func `the fifth time is a loop`() throws {
        var fields = HeaderFields()
        for _ in 0..<Limits.rounds { Via.add("me", to: &fields, receivedIn: .http11) }
        try Via.check("me", in: fields)
        Via.add("me", to: &fields, receivedIn: .http11)
        #expect(throws: FlowError.self) { try Via.check("me", in: fields) }
    }
}
