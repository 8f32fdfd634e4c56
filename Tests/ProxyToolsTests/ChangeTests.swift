import AddonProtocol
import Testing

@testable import ProxyTools

struct ChangeTests {
    private let params: JSONValue = [
        "flow": ["request": ["path": "/a", "headers": [["Host", "a"], ["X-Two", "1"], ["x-two", "2"]]]]
    ]

    private func changes(_ patch: JSONValue) -> [String] {
        Change.made(by: patch, of: params).map { $0.line(.plain) }
    }

    @Test func tellsWhatAPatchChanges() {
        #expect(changes(["flow": ["request": ["path": "/b"]]]) == [#"~ flow.request.path: "/a" → "/b""#])
        #expect(changes(["flow": ["request": ["path": "/a"]]]) == [])
        #expect(changes(["flow": ["request": ["headers": ["x-new": "1"]]]]) == [#"+ flow.request.headers.x-new: "1""#])
        #expect(changes(["flow": ["request": ["headers": ["host": .null]]]]) == [#"- flow.request.headers.host: "a""#])
        #expect(
            changes(["flow": ["request": ["headers": ["x-two": "3"]]]])
                == [#"~ flow.request.headers.x-two: ["1","2"] → "3""#]
        )
    }

    @Test func takesBytesForOneValue() {
        #expect(changes(["flow": ["request": ["content": ["base64": "/w=="]]]]).count == 1)
    }
}
