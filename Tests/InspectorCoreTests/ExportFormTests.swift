import AddonProtocol
import Testing

@testable import InspectorCore

struct ExportFormTests {
    private func flow(_ id: String, _ method: String = "GET", status: Int = 200) -> EndedFlow {
        EndedFlow(
            snapshot: [
                "id": .string(id), "type": "http", "timestamp_created": 1,
                "request": [
                    "method": .string(method), "url": "http://a.example/", "headers": [], "content": "",
                    "timestamp_start": 1,
                ],
                "response": ["status_code": .integer(status), "headers": [["Upgrade", "websocket"]], "content": "x"],
            ]
        )
    }

    private func export(_ form: ExportForm, _ store: FlowStore, _ keys: [Int]) async -> String {
        let source = form.source(keys, store, version: "1")
        var bytes: [UInt8] = []
        while let next = await source.next() { bytes += next }
        return String(decoding: bytes, as: UTF8.self)
    }

    @Test func `an export of nothing is whole`() async throws {
        let store = try FlowStore(path: nil, limit: 1 << 30)
        let har = await export(.har, store, [])
        #expect(try JSONReader.read(Array(har.utf8))["log"]?["entries"] == [])
        #expect(await export(.json, store, [7]).isEmpty)
        #expect(await export(.curl, store, []).isEmpty)
    }

    @Test func `tunnels and upgrades are no entries`() async throws {
        let store = try FlowStore(path: nil, limit: 1 << 30)
        try store.keep([flow("a"), flow("b", "CONNECT"), flow("c", status: 101), flow("d")])
        let har = try JSONReader.read(Array(await export(.har, store, [1, 2, 3, 4]).utf8))
        #expect(har["log"]?["entries"]?.arrayValue?.count == 2)
        #expect(await export(.json, store, [1, 2, 3, 4]).split(separator: "\n").count == 4)
    }
}
