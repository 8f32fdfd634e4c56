import NIOCore

/// Prints flows on stdout: by the option `flow_detail` one line for each (1), its fields (2), the start of its bodies (3),
/// or all of them (4). What is more than a line is made off the loop.
package struct FlowPrinter: Sendable {
    private let writer: OutputWriter

    /// Creates a printer for the writer's stdout.
    package init(writer: OutputWriter) {
        self.writer = writer
    }

    /// Prints an HTTP flow that has ended, once.
    func print(_ flow: HTTPFlow, detail: Int) {
        guard detail > 0, !flow.isPrinted else { return }
        flow.isPrinted = true
        if detail == 1 { return writer.write(to: .stdout) { flow.printLine(into: &$0) } }
        let printed = PrintedFlow(flow, detail: detail)
        writer.write(OutputLine(weight: printed.weight) { printed.write(into: &$0) }, to: .stdout)
    }

    /// Prints a conversation that has ended.
    func print(_ conversation: @autoclosure () -> PrintedConversation, detail: Int) {
        guard detail > 0 else { return }
        let printed = conversation()
        writer.write(OutputLine(weight: 256) { printed.write(into: &$0) }, to: .stdout)
    }

    /// Prints one message of a conversation, if messages are printed at all.
    func print(_ message: @autoclosure () -> PrintedMessage, detail: Int) {
        guard Self.printsMessages(detail) else { return }
        let printed = message()
        writer.write(OutputLine(weight: 256 + printed.content.readableBytes) { printed.write(into: &$0) }, to: .stdout)
    }

    static func printsMessages(_ detail: Int) -> Bool { detail > 2 }

    /// How much of a streamed body is kept for printing, in bytes.
    static func keptBytes(_ detail: Int) -> Int {
        switch detail {
        case ...2: 0
        case 3: Limits.printedBodyBytes
        default: .max
        }
    }
}
