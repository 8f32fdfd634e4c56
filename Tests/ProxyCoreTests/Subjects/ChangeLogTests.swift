import AddonProtocol
import Testing

@testable import ProxyCodecs
@testable import ProxyCore

struct ChangeLogTests {
    private func entry(_ before: JSONValue, _ after: JSONValue, addon: String = "a") -> ChangeLog.Entry {
        .init(
            addon: addon,
            event: "request",
            isAudit: false,
            before: .init(before),
            after: .init(after)
        )
    }

    @Test func `a change is told by path, a header by name`() {
        let before: JSONValue = [
            "comment": "", "request": ["headers": [["Host", "a"], ["X", "1"], ["Y", "1"]], "content_size": 1],
        ]
        let after: JSONValue = [
            "comment": "seen", "request": ["headers": [["Host", "a"], ["x", "2"], ["x", "3"]], "content_size": 2],
        ]
        #expect(
            entry(before, after).differences == [
                FieldChange(path: "comment", before: "", after: "seen"),
                FieldChange(path: "request.headers.x", before: "1", after: ["2", "3"]),
                FieldChange(path: "request.headers.y", before: "1", after: .null),
            ]
        )
    }

    @Test func `another order of fields is the whole list`() {
        let before: JSONValue = ["headers": [["a", "1"], ["b", "2"]]]
        let after: JSONValue = ["headers": [["b", "2"], ["a", "1"]]]
        #expect(entry(before, after).differences.map(\.path) == ["headers"])
    }

    @Test func `the newest changes are kept within the limits`() {
        var log = ChangeLog()
        for number in 0..<(Limits.changesOfFlow + 10) { log.append(entry(["n": 0], ["n": .integer(number)])) }
        #expect(log.entries.count == Limits.changesOfFlow)
        let large = JSONValue.string(String(repeating: "x", count: Limits.changeBytesOfFlow / 2))
        log.append(entry([:], ["n": large]))
        log.append(entry([:], ["n": large], addon: "last"))
        #expect(log.entries.map(\.addon) == ["last"])
        log.append(entry([:], ["n": .string(String(repeating: "x", count: Limits.changeBytesOfFlow))]))
        #expect(log.entries.isEmpty)
    }

    @Test func `who has changed the flow is known when the changes are forgotten`() {
        var log = ChangeLog()
        log.append(entry([:], ["n": 1], addon: "first"))
        log.append(entry([:], ["n": 2], addon: "second"))
        for number in 0..<Limits.changesOfFlow { log.append(entry(["n": 0], ["n": .integer(number)], addon: "second")) }
        #expect(!log.entries.contains { $0.addon == "first" })
        #expect(log.addons == ["first", "second"])
    }
}

extension ChangeLog.Excerpt {
    fileprivate init(_ object: JSONValue) {
        self.init(
            byteCount: object.encoded().count,
            content: .other { writer in
                for member in object.members ?? [] {
                    writer.key(text: member.name)
                    writer.value(member.value)
                }
            }
        )
    }
}
