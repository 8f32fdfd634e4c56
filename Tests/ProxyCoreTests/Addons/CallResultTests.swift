import AddonProtocol
import Testing

@testable import ProxyCodecs
@testable import ProxyCore

struct CallResultTests {
    private func text(_ result: any CallResult, _ id: RequestID) -> String {
        String(decoding: result.answer(to: id).json, as: UTF8.self)
    }

    @Test(arguments: [RequestID.number(-7), .string("a \"b\"")])
    func `what is encoded already is answered as a value is`(id: RequestID) {
        let value: JSONValue = ["a": [1, .null], "b": "c"]
        let encoded = EncodedResult(members: Array(value.encoded().dropLast()))
        #expect(text(encoded, id) == text(value, id))
        #expect(text(value, id) == String(decoding: Message.success(id: id, result: value).encoded(), as: UTF8.self))
    }

    @Test func `it goes out without another copy of it in front`() {
        let members = Array(#"{"flow":{"id":"x"}"#.utf8)
        let frame = EncodedResult(members: members).answer(to: .number(1))
        #expect(frame.members == members)
        #expect(frame.head.count < 64)
    }
}
