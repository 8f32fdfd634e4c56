import Testing

@testable import ProxyCodecs
@testable import ProxyCore

struct FlowPrinterTests {
    @Test func `a flow is printed once, and not at all without detail`() throws {
        let flow = PrintedFlowTests.flow()
        let output = try outputs { writer in
            let printer = FlowPrinter(writer: writer)
            printer.print(flow, detail: 0)
            printer.print(flow, detail: 1)
            printer.print(flow, detail: 1)
        }
        #expect(output.stdout.split(separator: "\n").count == 1)
        #expect(output.stdout.hasPrefix("127.0.0.1:51234: POST http://h/p → "))
    }

    @Test(arguments: [
        (0, "0b"), (999, "999b"), (1_000, "1.0k"), (1_024, "1.0k"), (15_360, "15k"), (1_048_576, "1.0m"),
        (1 << 30, "1.0g"), (10_188, "9.9k"), (10_189, "10k"), (1_000_000, "977k"), (5 << 50, "5120t"),
    ])
    func `sizes are short`(bytes: Int, text: String) {
        var printed: [UInt8] = []
        printed.append(size: bytes)
        #expect(String(decoding: printed, as: UTF8.self) == text)
    }
}
