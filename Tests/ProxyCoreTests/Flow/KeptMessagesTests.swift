import AddonProtocol
import NIOCore
import Testing

@testable import ProxyCodecs
@testable import ProxyCore

struct KeptMessagesTests {
    private func message(_ index: Int, bytes: Int = 1) -> KeptMessage {
        let content = ByteBuffer(repeating: UInt8(ascii: "x"), count: bytes)
        return KeptMessage(TCPMessage(fromClient: true, content: content, injected: false), index)
    }

    private func indices(_ json: JSONValue) -> [Int] { json.arrayValue?.compactMap { $0["index"]?.intValue } ?? [] }

    @Test func `the last are kept, by count`() {
        var kept = KeptMessages()
        for index in 0..<Limits.keptMessages + 3 { kept.append(message(index), byteLimit: .max) }
        #expect(kept.count == Limits.keptMessages && kept.first == 3)
        #expect(kept[2] == nil && kept[3] != nil)
    }

    @Test func `the last are kept, by bytes, and one that is too large is not`() {
        var kept = KeptMessages()
        for index in 0..<3 { kept.append(message(index, bytes: 1_000), byteLimit: 2_500) }
        #expect(kept.first == 1 && kept.count == 2)
        kept.append(message(3, bytes: 3_000), byteLimit: 2_500)
        #expect(kept.count == 0 && kept.byteCount == 0 && kept.first == nil)
    }

    @Test func `messages of two directions come in the order of their numbers`() {
        var kept = KeptMessages()
        for index in [1, 0, 2] { kept.append(message(index), byteLimit: .max) }
        #expect(indices(kept.json(from: nil, limit: 10, byteLimit: 100)) == [0, 1, 2])
        #expect(kept.first == 0)
    }

    @Test func `a page is from a number on, or the last`() {
        var kept = KeptMessages()
        for index in 0..<6 { kept.append(message(index, bytes: 10), byteLimit: .max) }
        #expect(indices(kept.json(from: 2, limit: 3, byteLimit: 100)) == [2, 3, 4])
        #expect(indices(kept.json(from: nil, limit: 2, byteLimit: 100)) == [4, 5])
        #expect(indices(kept.json(from: 0, limit: 6, byteLimit: 25)) == [0, 1])
        #expect(indices(kept.json(from: 0, limit: 6, byteLimit: 5)) == [0])
    }

    @Test func `what is kept of a message is no part of a larger buffer`() throws {
        let large = ByteBuffer(repeating: 1, count: 100_000)
        let part = try #require(large.getSlice(at: 10, length: 4))
        let kept = KeptMessage(TCPMessage(fromClient: true, content: part, injected: false), 0)
        #expect(kept.content.storageCapacity < 1_000)
    }
}
