import AddonProtocol
import Testing

@testable import ProxyTools

struct TapReaderTests {
    private let reader = TapReader(showsBodies: false)

    private func lines(_ direction: String, _ message: JSONValue, addon: String = "a") -> [String] {
        let frame: JSONValue = [
            "time": 0, "addon": .string(addon), "direction": .string(direction), "latency_us": 1200, "message": message,
        ]
        return reader.lines(frame, .plain)
    }

    private let event: JSONValue = [
        "id": 7, "method": "request",
        "params": [
            "flow": ["id": "f1", "type": "http", "request": ["method": "GET", "url": "http://x/", "headers": []]]
        ],
    ]

    @Test func tellsWhatAReplyChanges() {
        #expect(lines("daemon", event).count == 1)
        let reply = lines("addon", ["id": 7, "result": ["flow": ["request": ["headers": ["x-a": "1"]]]]])
        #expect(reply[0].contains("request") && reply[0].contains("f1") && reply[0].contains("1.2 ms"))
        #expect(reply[1...] == [#"    + flow.request.headers.x-a: "1""#])
    }

    @Test func saysThatABodyChangesWhichIsNotShown() {
        _ = lines("daemon", event)
        let reply = lines("addon", ["id": 7, "result": ["flow": ["request": ["content": .null]]]])
        #expect(reply[1...] == [#"    + flow.request.content: "(--bodies shows it)""#])
    }

    @Test func keepsTheQuestionsOfEachSideApart() {
        _ = lines("daemon", event)
        _ = lines("addon", ["id": 7, "method": "stats", "params": [:]])
        #expect(lines("daemon", ["id": 7, "result": [:]])[0].contains("stats"))
        #expect(lines("addon", ["id": 7, "result": .null])[0].contains("no change"))
        _ = lines("daemon", event)
        #expect(!lines("addon", ["id": 7, "result": .null], addon: "b")[0].contains("f1"))
    }

    @Test func showsErrorsAndWhatIsNoMessage() {
        _ = lines("daemon", event)
        #expect(
            lines("addon", ["id": 7, "error": ["code": 1, "message": "\u{1b}bad"]])[0].hasSuffix(#"error 1: \x1bbad"#)
        )
        #expect(lines("addon", "{nonsense")[0].contains("no message"))
    }

    @Test func remembersNoMoreThanSoMany() {
        for id in 0...TapReader.maximumRemembered {
            _ = lines("daemon", ["id": .integer(id), "method": "request", "params": [:]])
        }
        #expect(lines("addon", ["id": 1, "result": [:]])[0].contains("request") == false)
    }
}
