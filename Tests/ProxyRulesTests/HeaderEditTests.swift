import AddonSDK
import Testing

@testable import ProxyRules

@Suite struct HeaderEditTests {
    @Test func `a cookie of other bytes stays as it is`() {
        let (kept, stripped): ([UInt8], [UInt8]) = (
            Array("a=".utf8) + [0xff] + Array(";b=1".utf8), Array("x=1; c=".utf8) + [0xfe]
        )
        var headers = Headers()
        headers.fields.append(name: "cookie".utf8, value: kept)
        headers.fields.append(name: "cookie".utf8, value: stripped)
        CookieStripping(names: ["x"]).strip(request: &headers)
        #expect(Array(headers.fields.value(at: 0)) == kept)
        #expect(Array(headers.fields.value(at: 1)) == Array("c=".utf8) + [0xfe])
    }

    @Test func `a set cookie goes by its name`() {
        var headers: Headers = ["set-cookie": "x=1; Path=/"]
        headers.add("set-cookie", "y=2")
        CookieStripping(names: ["x"]).strip(response: &headers)
        #expect(headers.values(of: "set-cookie") == ["y=2"])
    }
}
