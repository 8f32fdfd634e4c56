import AddonProtocol
import Foundation
import GRDB
import Testing

@testable import InspectorCore

struct FlowStoreTests {
    private let folder: String

    init() throws {
        folder = FileManager.default.temporaryDirectory.path + "/inspector-test-\(UUID().uuidString)"
        try FileManager.default.createDirectory(atPath: folder, withIntermediateDirectories: true)
    }

    private func row(_ id: Int, _ more: [JSONValue.Member] = []) -> JSONValue {
        .object(
            [
                .init("id", .string("f\(id)")), .init("type", "http"), .init("method", "GET"), .init("state", "done"),
                .init("url", .string("http://a.example/\(id)")), .init("status_code", 200), .init("marked", ""),
                .init("comment", ""),
            ] + more
        )
    }

    private func flow(_ id: Int, body: String = "hello") -> EndedFlow {
        EndedFlow(
            snapshot: [
                "id": .string("f\(id)"), "type": "http", "timestamp_created": .integer(id), "marked": "", "comment": "",
                "request": [
                    "method": "GET", "url": .string("http://a.example/\(id)"), "headers": [["Host", "b.example:81"]],
                    "content": "",
                ],
                "response": [
                    "status_code": 200, "headers": [["X-Number", .string("n\(id)")]], "content": .string(body),
                ],
            ]
        )
    }

    private func size(_ path: String) -> Int {
        ["", "-wal"].reduce(0) {
            $0 + ((try? FileManager.default.attributesOfItem(atPath: path + $1)[.size]) as? Int ?? 0)
        }
    }

    @Test func `keys grow by one in the order in which flows are seen`() throws {
        let store = try FlowStore(path: nil, limit: 1 << 30)
        #expect(try store.take(rows: [row(1), row(2)]).keys == [1, 2])
        #expect(try store.take(rows: [row(2), row(1), row(3)]).keys == [2, 1, 3])
        #expect(try store.keep([flow(3), flow(4)]).keys == [3, 4])
        #expect(try store.keep([flow(4)]).keys == [4])
        #expect(try store.rows(limit: 9).compactMap { $0["key"]?.intValue } == [4, 3, 2, 1])
        #expect(store.flowCount == 4)
    }

    @Test func `what may be followed by more does not take its place`() throws {
        let store = try FlowStore(path: nil, limit: 1 << 30)
        var early = flow(1, body: "early")
        early.isPreliminary = true
        try store.keep([early])
        #expect(try store.flow(1)?.response == Array("early".utf8))
        try store.keep([flow(1, body: "last"), early])
        #expect(try store.flow(1)?.response == Array("last".utf8))
    }

    @Test func `what is kept is found again with its bodies`() throws {
        let store = try FlowStore(path: nil, limit: 1 << 30)
        try store.keep([flow(1)])
        let kept = try #require(try store.flow(1))
        #expect(kept.snapshot?["response"]?["content"] == "hello" && kept.detail?["response"]?["content"] == nil)
        #expect(kept.row["state"] == "done" && kept.row["status_code"] == 200 && kept.response == Array("hello".utf8))
        #expect(
            try store.match(FlowSelection(filter: "~d b.example", search: "hello n1"), before: nil, limit: 9).keys == [
                1
            ]
        )
        #expect(
            try store.match(FlowSelection(filter: "~bs hell & ~hs number", search: nil), before: nil, limit: 9).keys
                == [1]
        )
        #expect(try store.match(FlowSelection(filter: "!~bs hell", search: nil), before: nil, limit: 9).keys == [])
    }

    @Test func `matches come in pages`() throws {
        let store = try FlowStore(path: nil, limit: 1 << 30)
        try store.keep((1...10).map { flow($0) })
        for selection in [
            try FlowSelection(filter: "~m GET", search: nil), try FlowSelection(filter: nil, search: "hello"),
        ] {
            let first = try store.match(selection, before: nil, limit: 4)
            #expect(first.keys == [10, 9, 8, 7] && first.next == 7)
            #expect(try store.match(selection, before: 7, limit: 99).keys == [6, 5, 4, 3, 2, 1])
            #expect(try store.allKeys(selection).count == 10)
        }
    }

    @Test func `a store is opened again and goes on`() throws {
        let path = folder + "/again.sqlite"
        do {
            let store = try FlowStore(path: path, limit: 1 << 30)
            try store.keep([flow(1), flow(2)])
            _ = try store.note(1, marked: "x", comment: nil)
            #expect(try store.forget(keys: [2]) == 1)
        }
        let store = try FlowStore(path: path, limit: 1 << 30)
        #expect(store.flowCount == 1)
        #expect(try store.flow(1)?.row["marked"] == "x")
        #expect(try store.keep([flow(3)]).keys == [3])
        #expect(try store.match(FlowSelection(filter: nil, search: "n1"), before: nil, limit: 9).keys == [1])
    }

    @Test func `what was forgotten does not come back`() throws {
        let store = try FlowStore(path: nil, limit: 1 << 30)
        try store.keep([flow(1), flow(2)])
        #expect(try store.forgetAll() == 2)
        #expect(store.flowCount == 0)
        #expect(try store.take(rows: [row(1), row(3)]).keys == [3])
        #expect(try store.keep([flow(2)]).keys == [])
        #expect(try store.match(FlowSelection(filter: nil, search: "hello"), before: nil, limit: 9).keys == [])
    }

    @Test func `the file stays below its limit and the oldest go`() throws {
        let path = folder + "/limit.sqlite"
        let limit = 16 << 20
        let store = try FlowStore(path: path, limit: limit)
        var (largest, gone) = (0, 0)
        for batch in 0..<30 {
            let flows = (0..<50).map { number in
                flow(
                    batch * 50 + number,
                    body: String((0..<2_000).map { _ in "word\(Int.random(in: 0..<100_000)) " }.joined().prefix(14_000))
                )
            }
            try store.keep(flows) { _, left in gone = left ?? gone }
            largest = max(largest, size(path))
        }
        #expect(largest <= limit, "\(largest)")
        let keys = try store.rows(limit: 2_000).compactMap { $0["key"]?.intValue }
        #expect(keys.first == 1_500 && keys.last == gone && gone > 1 && store.flowCount == keys.count)
        #expect(keys.count > 50)
        #expect(try store.database.read { try Int.fetchOne($0, sql: "PRAGMA auto_vacuum") } == 2)
    }

    @Test func `a flow that has not ended by its row is open, whatever else is kept of it`() throws {
        let store = try FlowStore(path: nil, limit: 1 << 30)
        let open = row(1).setting("state", "connecting").setting("status_code", .null)
        _ = try store.take(rows: [open, row(2), row(3), open.setting("id", "f4")])
        try store.keep([flow(1), flow(2)])
        let incomplete = try store.incomplete(limit: 9)
        #expect(incomplete.ended == ["f3"] && incomplete.open == ["f4", "f1"])
        #expect(try store.end("f1") == 1)
        let row = try #require(try store.flow(1)?.row)
        #expect(row["state"] == "done" && row["status_code"] == 200 && row["url"] == "http://a.example/1")
        #expect(try store.incomplete(limit: 9).open == ["f4"])
    }

    @Test func `a row that is older than a note does not undo it`() throws {
        let store = try FlowStore(path: nil, limit: 1 << 30)
        _ = try store.take(rows: [row(1).setting("rev", 3)])
        _ = try store.note(1, marked: "x", comment: nil, rev: 4)
        _ = try store.take(rows: [row(1).setting("rev", 3)])
        #expect(try store.flow(1)?.row["marked"] == "x")
        _ = try store.take(rows: [row(1).setting("rev", 5)])
        #expect(try store.flow(1)?.row["marked"] == "")
    }

    @Test func `a long note is kept though rows have its beginning`() throws {
        let store = try FlowStore(path: nil, limit: 1 << 30)
        _ = try store.take(rows: [row(1)])
        let long = String(repeating: "x", count: 1_000)
        _ = try store.note(1, marked: nil, comment: long)
        var told = row(1).setting("comment", .string(String(long.prefix(253)) + "…"))
        _ = try store.take(rows: [told])
        #expect(try store.flow(1)?.row["comment"] == .string(long))
        told = row(1).setting("comment", "another")
        _ = try store.take(rows: [told])
        #expect(try store.flow(1)?.row["comment"] == "another")
    }

    @Test func `what cannot be the store is said`() throws {
        let text = folder + "/text"
        try Data("no database at all, but long enough for a header: \(String(repeating: "x", count: 100))".utf8).write(
            to: URL(filePath: text)
        )
        #expect(throws: StoreError.self) { try FlowStore(path: text, limit: 1 << 30) }
        let other = folder + "/other.sqlite"
        try DatabaseQueue(path: other).write { try $0.execute(sql: "CREATE TABLE theirs (a)") }
        let before = try Data(contentsOf: URL(filePath: other))
        #expect(throws: StoreError.self) { try FlowStore(path: other, limit: 1 << 30) }
        #expect(try Data(contentsOf: URL(filePath: other)) == before)
        #expect(throws: StoreError.self) { try FlowStore(path: folder + "/no/where", limit: 1 << 30) }
        #expect(throws: StoreError.self) { try FlowStore(path: folder, limit: 1 << 30) }
        let path = folder + "/taken.sqlite"
        let store = try FlowStore(path: path, limit: 1 << 30)
        #expect(throws: StoreError.self) { try FlowStore(path: path, limit: 1 << 30) }
        withExtendedLifetime(store) {}
    }

    @Test func `a damaged store does not trap`() throws {
        let path = folder + "/damaged.sqlite"
        do { try FlowStore(path: path, limit: 1 << 30).keep((0..<200).map { flow($0) }) }
        let file = try FileHandle(forUpdating: URL(filePath: path))
        try file.seek(toOffset: 2_000)
        try file.write(contentsOf: Data(repeating: 0xa5, count: 30_000))
        try file.close()
        guard let store = try? FlowStore(path: path, limit: 1 << 30) else { return }
        _ = try? store.rows()
        _ = try? store.match(FlowSelection(filter: "~b x", search: "hello"), before: nil, limit: 9)
        _ = try? store.keep([flow(999)])
    }

    @Test func `a disk that is full is said`() throws {
        let store = try FlowStore(path: nil, limit: 1 << 30)
        try store.database.writeWithoutTransaction { database in
            let pages = try Int.fetchOne(database, sql: "PRAGMA page_count") ?? 0
            try database.execute(sql: "PRAGMA max_page_count = \(pages + 2)")
        }
        #expect(throws: DatabaseError.self) { try store.keep((0..<200).map { flow($0) }) }
        #expect(store.flowCount == 0)
    }
}
