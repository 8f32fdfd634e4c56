import AddonProtocol
import ProxyCodecs
import ProxyCore
import Testing

@testable import ProxyTools

struct ReplayMatchingTests {
    private func request(_ path: String = "/", _ changes: [(String, JSONValue)] = []) -> JSONValue {
        let request: JSONValue = [
            "method": "GET", "scheme": "http", "host": "a.test", "port": 80, "path": .string(path), "headers": [],
            "content": "", "content_complete": true,
        ]
        return changes.reduce(request) { $0.setting($1.0, $1.1) }
    }

    private func match(_ one: JSONValue, _ other: JSONValue, by matching: ReplayMatching = ReplayMatching()) -> Bool {
        matching.key(of: one) == matching.key(of: other)
    }

    @Test func `a query is compared as its parameters`() {
        #expect(match(request("/?a=1&b=%41+c"), request("/?a=1&&b=A%20c")))
        #expect(match(request("/?a"), request("/?a=")))
        #expect(!match(request("/?a=1&b=2"), request("/?b=2&a=1")))
        #expect(!match(request("/?a=1"), request("/?a=1&a=1")))
        #expect(!match(request("/a"), request("/A")))
    }

    @Test func `a host is what the client calls it`() {
        let named = request("/", [("host", "10.0.0.1"), ("headers", [["Host", "A.test:80"]])])
        #expect(match(request(), named))
        #expect(match(request("/", [("host", "::1")]), request("/", [("headers", [["host", "[::1]"]])])))
        #expect(!match(request(), request("/", [("headers", [["Host", "b.test"]])])))
    }

    @Test func `bodies are compared without their codings`() throws {
        let fields: HeaderFields = ["Content-Encoding": "gzip"]
        let coded = try #require(ContentCodings.coded(Array("hello".utf8), as: fields))
        func body(_ bytes: [UInt8], isDecoded: Bool) -> JSONValue {
            request(
                "/",
                [
                    ("content", JSONValue(bytes: bytes)), ("content_decoded", .bool(isDecoded)),
                    ("headers", [["Content-Encoding", "gzip"]]),
                ]
            )
        }
        #expect(match(body(coded, isDecoded: false), body(Array("hello".utf8), isDecoded: true)))
        #expect(!match(body(coded, isDecoded: false), body(Array("other".utf8), isDecoded: true)))
        #expect(match(body(Array("x".utf8), isDecoded: false), body(Array("x".utf8), isDecoded: true)))
    }

    @Test func `what cannot be compared matches nothing`() {
        let cut = request("/", [("content", "ab"), ("content_complete", false)])
        let ahead = request(
            "/",
            [("content", .null), ("content_complete", false), ("headers", [["Content-Length", "3"]])]
        )
        for one in [cut, ahead] {
            #expect(ReplayMatching().key(of: one) == nil)
            #expect(ReplayMatching(ignoresContent: true).key(of: one) != nil)
        }
        #expect(match(request(), request("/", [("content", .null), ("content_complete", false)])))
    }

    @Test func `parts do not run into one another`() {
        #expect(!match(request("/?a=b1:c"), request("/?a=b&1:c")))
        #expect(!match(header("x"), header("y"), by: ReplayMatching(usedHeaders: ["x", "y"])))
    }

    private func header(_ name: String) -> JSONValue { request("/", [("headers", [[.string(name), "1"]])]) }

    @Test func `forms are taken apart only where the fields say so`() throws {
        let type: HeaderFields = ["Content-Type": "application/x-www-form-urlencoded; charset=utf-8"]
        let form = try #require(FormFields(Array("a=%zz&b=1%3D&c".utf8), type))
        #expect(
            form.pairs.map { String(decoding: $0.name + [0x3d] + $0.value, as: UTF8.self) } == ["a=%zz", "b=1=", "c="]
        )
        #expect(FormFields(Array("a=1".utf8), ["Content-Type": "text/plain"]) == nil)
        #expect(FormFields([], type) == nil)
        let parts: HeaderFields = ["Content-Type": "multipart/form-data; boundary=\"x y\""]
        let text =
            "--x y\r\nContent-Disposition: form-data; filename=\"no\"; name=\"f\"\r\n\r\na\r\n--x\r\n\r\n--x y--\r\n"
        let fields = try #require(FormFields(Array(text.utf8), parts))
        #expect(fields.pairs == [.init(name: Array("f".utf8), value: Array("a\r\n--x\r\n".utf8))])
    }
}
