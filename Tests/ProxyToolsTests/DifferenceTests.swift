import AddonProtocol
import Testing

@testable import ProxyTools

struct DifferenceTests {
    private func paths(_ old: JSONValue, _ new: JSONValue) -> [String] {
        Difference.between(.result(old), .result(new), "request 1").shown.map(\.text)
    }

    @Test func `replies differ path by path`() {
        let old: JSONValue = ["flow": ["request": ["headers": ["a": "1", "b": "2"], "port": 80]]]
        let new: JSONValue = ["flow": ["request": ["headers": ["a": "1", "c": "2"], "port": 81]]]
        #expect(
            paths(old, new) == [
                "request 1: result.flow.request.headers.b: recorded \"2\", now nothing",
                "request 1: result.flow.request.headers.c: recorded nothing, now \"2\"",
                "request 1: result.flow.request.port: recorded 80, now 81",
            ]
        )
    }

    @Test func `of very many the count is told, and no time is lost`() {
        let old = JSONValue.object((0..<20_000).map { .init("a\($0)", 1) })
        let new = JSONValue.object((0..<20_000).map { .init("b\($0)", 1) })
        let (shown, count) = Difference.between(.result(old), .result(new), "request 1", most: 3)
        #expect(shown.map(\.path) == ["result.a0", "result.a1", "result.a2"] && count == 40_000)
    }

    @Test func `what says the same is no difference`() {
        #expect(paths(.null, [:]).isEmpty)
        #expect(paths(["data": "hi"], ["data": ["base64": "aGk="]]).isEmpty)
        #expect(paths(["x": 1], ["x": 1.0]).isEmpty)
        #expect(paths(["a": 1, "b": 2], ["b": 2, "a": 1]).isEmpty)
    }

    @Test func `of long bytes the place of the difference is shown`() {
        let text = String(repeating: "x", count: 500)
        let differences = paths(["data": .string(text + "a" + text)], ["data": .string(text + "b" + text)])
        #expect(differences.count == 1)
        #expect(
            differences[0].contains("xa") && differences[0].contains("xb") && differences[0].contains("from byte 480")
        )
    }

    @Test func `an error in place of a result is one`() {
        let error = ProtocolError(code: -32000, message: "no")
        #expect(Difference.between(.result(.null), .error(error), "request 1").count == 2)
    }
}
