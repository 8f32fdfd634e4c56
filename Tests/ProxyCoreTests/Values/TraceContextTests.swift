import Testing

@testable import ProxyCodecs
@testable import ProxyCore

struct TraceContextTests {
    private let good = "00-4bf92f3577b34da6a3ce929d0e0e4736-00f067aa0ba902b7-01"

    private func read(_ text: String) -> String? {
        TraceContext(parsing: Array(text.utf8)).map { String(decoding: $0.text, as: UTF8.self) }
    }

    @Test func `a valid field is told as it is`() {
        #expect(read(good) == good)
        #expect(read("00-00000000000000000000000000000001-ffffffffffffffff-ff") != nil)
    }

    @Test(arguments: [0, 0x0123_4567, 0x89ab_cdef, 0x9a9a_9a9a, 0xffff_ffff])
    func `the digits of a number are eight, in lower case`(_ number: UInt32) {
        let text = String(number, radix: 16)
        let digits = TraceContext.digits(of: number).bigEndian
        let written = withUnsafeBytes(of: digits) { String(decoding: $0, as: UTF8.self) }
        #expect(written == String(repeating: "0", count: 8 - text.count) + text)
    }

    @Test func `of a later version what this one knows counts`() {
        #expect(read("01" + good.dropFirst(2)) == good)
        #expect(read("fe" + good.dropFirst(2) + "-more") == good)
        #expect(read("fe" + good.dropFirst(2) + "more") == nil)
        #expect(read("ff" + good.dropFirst(2)) == nil)
    }

    @Test(arguments: [
        "", "00", "00-4BF92F3577B34DA6A3CE929D0E0E4736-00f067aa0ba902b7-01",
        "00-00000000000000000000000000000000-00f067aa0ba902b7-01",
        "00-4bf92f3577b34da6a3ce929d0e0e4736-0000000000000000-01",
        "00-4bf92f3577b34da6a3ce929d0e0e4736-00f067aa0ba902b7-0g",
        "00-4bf92f3577b34da6a3ce929d0e0e4736-00f067aa0ba902b7-01-",
        "00 4bf92f3577b34da6a3ce929d0e0e4736-00f067aa0ba902b7-01",
        "00-4bf92f3577b34da6a3ce929d0e0e473600f067aa0ba902b7-01x",
    ])
    func `what is no trace context is none`(_ text: String) {
        #expect(read(text) == nil)
    }

    @Test func `a trace of the daemon's own is valid, and no two are alike`() {
        var keys = RandomKeys()
        let (first, second) = (keys.nextTrace(), keys.nextTrace())
        #expect(TraceContext(parsing: first.text) == first)
        #expect(first != second)
    }
}
