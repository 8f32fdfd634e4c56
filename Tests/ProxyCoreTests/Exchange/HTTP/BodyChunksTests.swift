import AddonProtocol
import NIOCore
import Testing

@testable import ProxyCodecs
@testable import ProxyCore

/// A request's body that goes by the addons.
private struct Scene {
    let chunks: BodyChunks

    init(_ bench: Bench) {
        chunks = BodyChunks(.requestData, of: .asking(), bench.loop.dispatcher, on: bench.loop, Interruption())
    }

    /// What goes on in place of this.
    func pass(_ text: String) async throws -> [String] {
        try await chunks.pass(ByteBuffer(string: text)).map { String(buffer: $0) }
    }

    func end() async throws -> [String] { try await chunks.end().map { String(buffer: $0) } }
}

extension Bench {
    /// An addon that is shown chunks, and answers them at once.
    fileprivate func addon(
        _ name: String,
        mode: JSONValue = "enforce",
        filter: JSONValue = .null,
        _ answer: @escaping @Sendable (ScriptedAddon.Heard) -> JSONValue?
    ) async throws -> ScriptedAddon {
        let addon = try await addon(
            name,
            [["event": "request_data", "body": "stream", "mode": mode, "filter": filter]]
        )
        addon.script = answer
        return addon
    }
}

extension ScriptedAddon.Heard {
    fileprivate var data: String { params["data"]?.stringValue ?? "" }

    /// The chunk with its place: `offset:data`, and `.` at the end.
    fileprivate var chunk: String {
        "\(params["offset"]?.intValue ?? -1):\(data)\(params["end"]?.boolValue == true ? "." : "")"
    }
}

private final class Heard: @unchecked Sendable {
    var chunks: [String] = []
}

struct BodyChunksTests {
    @Test func `each addon sees what the one before it made, each with offsets of its own`() async throws {
        try await Bench.run { bench in
            let (first, second) = (Heard(), Heard())
            _ = try await bench.addon("first") { heard in
                first.chunks.append(heard.chunk)
                return heard.data.isEmpty ? [:] : ["data": .array([.string(heard.data + "!"), .string("?")])]
            }
            _ = try await bench.addon("second") { heard in
                second.chunks.append(heard.chunk)
                return heard.data == "?" ? ["data": ""] : [:]
            }
            let scene = Scene(bench)
            #expect(scene.chunks.length == .stream)
            #expect(try await scene.pass("ab") == ["ab!"])
            #expect(try await scene.pass("c") == ["c!"])
            #expect(try await scene.end() == [])
            #expect(first.chunks == ["0:ab", "2:c", "3:."])
            #expect(second.chunks == ["0:ab!", "3:?", "4:c!", "6:?", "7:."])
            #expect(scene.chunks.byteCount == 5)
        }
    }

    @Test func `an addon that wants the rest as it is is shown no more`() async throws {
        try await Bench.run { bench in
            let heard = Heard()
            _ = try await bench.addon("addon") { chunk in
                heard.chunks.append(chunk.chunk)
                return ["data": "new", "rest": "original"]
            }
            let scene = Scene(bench)
            #expect(try await scene.pass("ab") == ["new"])
            #expect(try await scene.pass("cd") == ["cd"])
            #expect(try await scene.end() == [])
            #expect(heard.chunks == ["0:ab"] && scene.chunks.length == nil)
        }
    }

    @Test func `who only watches sees what goes on, and does not make its length unknown`() async throws {
        try await Bench.run { bench in
            let watcher = try await bench.addon("watcher", mode: "observe") { _ in nil }
            let scene = Scene(bench)
            #expect(scene.chunks.length == nil)
            #expect(try await scene.pass("ab") == ["ab"])
            #expect(try await scene.end() == [])
            let told = [try await watcher.next("request_data"), try await watcher.next("request_data")]
            #expect(told.map(\.chunk) == ["0:ab", "2:."] && told.allSatisfy { $0.id == nil })
        }
    }

    @Test func `a chunk at which one stops the chain is only told to the others`() async throws {
        try await Bench.run { bench in
            _ = try await bench.addon("first") { _ in ["data": "new", "stop": true] }
            let second = try await bench.addon("second") { _ in nil }
            #expect(try await Scene(bench).pass("ab") == ["new"])
            let told = try await second.next("request_data")
            #expect(told.id == nil && told.chunk == "0:new")
        }
    }

    @Test func `a large piece comes in chunks that an addon can take`() async throws {
        try await Bench.run { bench in
            let heard = Heard()
            _ = try await bench.addon("addon") { chunk in
                heard.chunks.append("\(chunk.params["offset"]?.intValue ?? -1) \(chunk.data.count)")
                return [:]
            }
            let text = String(repeating: "x", count: Limits.bodyChunk + 1)
            #expect(try await Scene(bench).pass(text).map(\.count) == [Limits.bodyChunk, 1])
            #expect(heard.chunks == ["0 \(Limits.bodyChunk)", "\(Limits.bodyChunk) 1"])
        }
    }

    @Test func `a filter decides once about the whole body`() async throws {
        try await Bench.run { bench in
            _ = try await bench.addon("other", filter: "~u elsewhere") { _ in nil }
            #expect(try await Scene(bench).pass("ab") == ["ab"])
        }
    }

    @Test(arguments: [["data": "new", "rest": "none"], ["data": "new", "offset": 9], ["nothing": 1]] as [JSONValue])
    func `a reply that is refused leaves the chunk as it was`(reply: JSONValue) async throws {
        try await Bench.run { bench in
            let addon = try await bench.addon("addon") { $0.method == "request_data" ? reply : nil }
            #expect(try await Scene(bench).pass("ab") == ["ab"])
            _ = try await addon.next("rejected")
        }
    }

    @Test func `an addon kills the flow in the midst of its body`() async throws {
        try await Bench.run { bench in
            _ = try await bench.addon("addon") { _ in ["action": "kill"] }
            let scene = Scene(bench)
            let error = try await flowError { () throws(FlowError) in
                _ = try await scene.chunks.pass(ByteBuffer(string: "ab"))
            }
            #expect(error.kind == .killed)
        }
    }
}
