import Testing

@testable import ProxyCore

struct FlowPrinterTests {
    @Test func `a line for a flow`() throws {
        let output = try outputs { writer in
            let printer = FlowPrinter(writer: writer)
            printer.print(
                client: "127.0.0.1:51234",
                method: Array("GET".utf8),
                url: Array("http://h/p".utf8),
                outcome: .response(status: 200, reason: Array("OK".utf8), size: 1_234),
                milliseconds: 3
            )
            printer.print(
                client: "127.0.0.1:51234",
                method: Array("GET".utf8),
                url: Array("http://h/\u{1b}".utf8) + [0xff, 0x0a],
                outcome: .response(status: 204, reason: [], size: 0),
                milliseconds: 12
            )
            printer.print(
                client: "127.0.0.1:51234",
                method: Array("POST".utf8),
                url: Array("http://h/".utf8),
                outcome: .error("connection refused"),
                milliseconds: 1
            )
        }
        #expect(
            output.stdout == """
                127.0.0.1:51234: GET http://h/p → 200 OK 1.2k 3ms
                127.0.0.1:51234: GET http://h/\\x1b\\xff\\n → 204 0b 12ms
                127.0.0.1:51234: POST http://h/ → error: connection refused 1ms

                """
        )
    }

    @Test(arguments: [
        (0, "0b"), (999, "999b"), (1_000, "1.0k"), (1_024, "1.0k"), (15_360, "15k"), (1_048_576, "1.0m"),
        (1 << 30, "1.0g"),
    ])
    func `sizes are short`(bytes: Int, text: String) {
        #expect(readableSize(bytes) == text)
    }
}
