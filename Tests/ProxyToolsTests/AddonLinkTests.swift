import AddonProtocol
import Glibc
import Testing

@testable import ProxyTools

struct AddonLinkTests {
    /// The two ends: the tool's, and the addon's descriptor.
    private func pair() throws -> (AddonTalk, Int32) {
        var ends: [Int32] = [-1, -1]
        try #require(socketpair(AF_UNIX, Int32(SOCK_STREAM.rawValue), 0, &ends) == 0)
        _ = fcntl(ends[0], F_SETFL, O_NONBLOCK)
        return (AddonTalk(AddonLink(descriptor: ends[0])), ends[1])
    }

    private func say(_ text: String, _ descriptor: Int32) { _ = write(descriptor, text, text.utf8.count) }

    private var soon: ContinuousClock.Instant { .now + .seconds(10) }

    @Test func `an answer finds its request, whatever the order`() throws {
        let (talk, addon) = try pair()
        talk.request(.number(1), "a", [:])
        talk.request(.string("x"), "b", [:])
        say("{\"jsonrpc\":\"2.0\",\"id\":\"x\",\"result\":2}\n{\"jsonrpc\":\"2.0\",\"id\":1,\"result\":1}\n", addon)
        #expect(talk.reply(to: .number(1), before: soon) == .result(1))
        #expect(talk.reply(to: .string("x"), before: soon) == .result(2))
        #expect(talk.takeFaults().isEmpty)
        close(addon)
    }

    @Test(arguments: [
        "{\"jsonrpc\":\"2.0\",\"id\":9,\"result\":1}", "{\"jsonrpc\":\"2.0\",\"id\":\"1\",\"result\":1}", "{nonsense",
        "[]", "{\"jsonrpc\":\"1.0\"}",
    ])
    func `what nobody asked for is a fault, and no time is waited`(_ frame: String) throws {
        let (talk, addon) = try pair()
        talk.request(.number(1), "a", [:])
        say(frame + "\n", addon)
        #expect(talk.reply(to: .number(1), before: soon) == nil)
        #expect(talk.takeFaults().map(\.came) == [frame])
        close(addon)
    }

    @Test func `calls are answered as they come, in the addon's framing`() throws {
        let (talk, addon) = try pair()
        talk.answer = { method, _ in .success(.string(method)) }
        let call = #"{"jsonrpc":"2.0","id":3,"method":"ping"}"#
        say("Content-Length: \(call.utf8.count)\r\n\r\n\(call)", addon)
        #expect(talk.receive(before: soon))
        var bytes = [UInt8](repeating: 0, count: 4096)
        let count = read(addon, &bytes, bytes.count)
        let text = String(decoding: bytes[..<max(0, count)], as: UTF8.self)
        #expect(text == "Content-Length: 40\r\n\r\n{\"jsonrpc\":\"2.0\",\"id\":3,\"result\":\"ping\"}")
        close(addon)
    }

    @Test func `a batch is answered by one frame in the addon's framing`() throws {
        let (talk, addon) = try pair()
        talk.answer = { _, params in .success(params["n"] ?? .null) }
        let calls = [1, 2].map { #"{"jsonrpc":"2.0","id":\#($0),"method":"ping","params":{"n":\#($0)}}"# }
        let batch = "[\(calls.joined(separator: ","))]"
        say("Content-Length: \(batch.utf8.count)\r\n\r\n\(batch)", addon)
        #expect(talk.receive(before: soon))
        var bytes = [UInt8](repeating: 0, count: 4096)
        let text = String(decoding: bytes[..<max(0, read(addon, &bytes, bytes.count))], as: UTF8.self)
        let answers = [1, 2].map { #"{"jsonrpc":"2.0","id":\#($0),"result":\#($0)}"# }
        let expected = "[\(answers.joined(separator: ","))]"
        #expect(text == "Content-Length: \(expected.utf8.count)\r\n\r\n\(expected)")
        close(addon)
    }

    @Test func `what is no frame ends the connection, and is told of once`() throws {
        let (talk, addon) = try pair()
        talk.request(.number(1), "a", [:])
        say("Content-Length: 2147483648\r\n\r\n{}", addon)
        #expect(talk.reply(to: .number(1), before: soon) == nil)
        #expect(talk.takeFaults().map(\.reason) == ["a frame is larger than 67108864 bytes"])
        #expect(talk.link.ending == .unreadable)
        #expect(talk.reply(to: .number(1), before: soon) == nil && !talk.hasFaults)
        close(addon)
    }

    @Test func `what it sent before it went is read, though nothing can be written`() throws {
        let (talk, addon) = try pair()
        talk.request(.number(1), "a", [:])
        say("{\"jsonrpc\":\"2.0\",\"id\":1,\"result\":1}\n", addon)
        close(addon)
        talk.request(.number(2), "b", [:])
        #expect(talk.link.ending == .closed)
        #expect(talk.reply(to: .number(1), before: soon) == .result(1))
    }

    @Test func `an addon that has gone is seen`() throws {
        let (talk, addon) = try pair()
        close(addon)
        #expect(!talk.receive(before: soon))
        #expect(!talk.isOpen)
        talk.request(.number(1), "a", [:])
        #expect(talk.reply(to: .number(1), before: soon) == nil)
    }

    @Test func `an addon that reads nothing does not hold the tool up`() throws {
        var ends: [Int32] = [-1, -1]
        try #require(socketpair(AF_UNIX, Int32(SOCK_STREAM.rawValue), 0, &ends) == 0)
        _ = fcntl(ends[0], F_SETFL, O_NONBLOCK)
        let link = AddonLink(descriptor: ends[0], patience: .milliseconds(20))
        link.write([UInt8](repeating: 0, count: 8 << 20))
        #expect(link.ending == .stalled)
        close(ends[1])
    }
}
