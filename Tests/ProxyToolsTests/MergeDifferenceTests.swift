import AddonProtocol
import Testing

@testable import ProxyTools

struct MergeDifferenceTests {
    private let old: JSONValue = ["request": ["path": "/a", "headers": [["A", "1"]]], "comment": ""]

    @Test func isOnlyWhatChanged() {
        let new: JSONValue = ["request": ["path": "/b", "headers": [["A", "1"]]], "comment": ""]
        #expect(MergeDifference.patch(from: old, to: new) == ["request": ["path": "/b"]])
        #expect(MergeDifference.patch(from: old, to: old) == nil)
        #expect(MergeDifference.patch(from: old, to: ["comment": ""]) == ["request": .null])
    }

    @Test func replacesBytesWhole() {
        #expect(MergeDifference.patch(from: ["content": ["base64": "/w=="]], to: ["content": "a"]) == ["content": "a"])
        let bytes: JSONValue = ["content": ["base64": "/w=="]]
        #expect(MergeDifference.patch(from: ["content": ["base64": "AA=="]], to: bytes) == bytes)
    }

    @Test func setsAtAPath() {
        let one = MergeDifference.setting(["request", "path"], to: "/x", in: [:])
        #expect(
            MergeDifference.setting(["request", "port"], to: 1, in: one) == ["request": ["path": "/x", "port": 1]]
        )
    }
}
