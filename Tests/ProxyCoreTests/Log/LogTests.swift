import Foundation
import Glibc
import Synchronization
import Testing

@testable import ProxyCore

/// What is logged and printed, and what comes out of the files.
struct LogTests {
    /// Runs `act` with a writer to two pipes, closes it, and returns what they hold.
    private func outputs(_ act: (OutputWriter) -> Void) throws -> (stdout: String, stderr: String) {
        let (stdout, stderr) = (try OwnedPipe(), try OwnedPipe())
        let writer = try OutputWriter(stdout: stdout.write.number, stderr: stderr.write.number)
        act(writer)
        writer.close()
        return (readAvailable(stdout.read), readAvailable(stderr.read))
    }

    @Test func `verbosity decides what stderr shows`() throws {
        let output = try outputs { writer in
            let log = Log(verbosity: .alert, writer: writer)
            log.debug("d")
            log.info("i")
            log.alert("a")
            log.warn("cannot read \u{1b}[2Jthe list\nof hosts", source: "addon:blocklist", flow: "f1")
            log.error("e")
            log.setVerbosity(.error)
            log.warn("w")
        }
        let lines = output.stderr.split(separator: "\n").map { $0.replacing(#/^\d\d:\d\d:\d\d /#, with: "") }
        #expect(
            lines == ["alert a", #"warn  addon blocklist: cannot read \x1b[2Jthe list\nof hosts"#, "error e"]
        )
        #expect(output.stdout.isEmpty)
    }

    @Test func `the sink gets its own level`() throws {
        let entries = Mutex<[LogEntry]>([])
        _ = try outputs { writer in
            let log = Log(verbosity: .error, writer: writer)
            log.setSink { entry in entries.withLock { $0.append(entry) } }
            log.debug("d")
            log.info("i", source: "addon:a", flow: "f1")
            log.setSink(nil)
            log.error("e")
        }
        let seen = entries.withLock { $0 }
        #expect(seen.map(\.msg) == ["i"])
        #expect(seen.first?.source == "addon:a")
        #expect(seen.first?.flow == "f1")
    }

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

    @Test(arguments: [
        ("plain", "plain"), ("ü→", "ü→"), ("a\tb", #"a\tb"#), ("\u{202e}x", #"\u{202e}x"#), ("\u{9b}", #"\x9b"#),
        ("\u{7f}\u{0}", #"\x7f\x00"#),
    ])
    func `a terminal is not steered`(text: String, shown: String) {
        #expect(escapedForTerminal(text) == shown)
        #expect(escapedForTerminal(Array(text.utf8)) == shown)
    }

    @Test func `a stream that nobody reads holds neither the caller nor the other stream`() throws {
        let (stuck, read) = (try OwnedPipe(), try OwnedPipe())
        let writer = try OutputWriter(stdout: stuck.write.number, stderr: read.write.number)
        let line = String(repeating: "x", count: 9_999)
        for _ in 0..<1_000 { writer.writeLine(line, to: .stdout) }
        writer.writeLine("still here", to: .stderr)
        var poll = pollfd(fd: read.read.number, events: Int16(POLLIN), revents: 0)
        #expect(Glibc.poll(&poll, 1, 60_000) == 1)
        #expect(readAvailable(read.read) == "still here\n")
        writer.close()
    }

    @Test func `a closed pipe is no end of the world`() throws {
        Glibc.signal(SIGPIPE, SIG_IGN)
        let stderr = try OwnedPipe()
        var stdout: OwnedPipe? = try OwnedPipe()
        let end = try #require(stdout?.write)
        stdout = nil
        let writer = try OutputWriter(stdout: end.number, stderr: stderr.write.number)
        writer.writeLine("lost", to: .stdout)
        writer.writeLine("kept", to: .stderr)
        writer.close()
        #expect(readAvailable(stderr.read) == "kept\n")
    }
}

struct LineQueueTests {
    @Test func `what does not fit is counted and told of`() {
        var queue = LineQueue(limit: 100)
        queue.append(String(repeating: "a", count: 60))
        queue.append(String(repeating: "b", count: 60))
        queue.append(String(repeating: "c", count: 60))
        queue.removeFirst(61)
        #expect(queue.isEmpty)
        queue.append("d")
        #expect(
            String(decoding: queue.prefix(1_000), as: UTF8.self)
                == "… 2 lines dropped: nobody read this output\nd\n"
        )
    }

    @Test func `bytes come out in order, in any portions`() {
        var queue = LineQueue(limit: 50)
        var result: [UInt8] = []
        for number in 0..<100 {
            queue.append("line \(number)")
            let portion = queue.prefix(number % 13)
            result += portion
            queue.removeFirst(portion.count)
            while queue.prefix(50).count > 30 {
                result += queue.prefix(7)
                queue.removeFirst(7)
            }
        }
        result += queue.prefix(50)
        #expect(String(decoding: result, as: UTF8.self) == (0..<100).map { "line \($0)\n" }.joined())
    }
}

private func readAvailable(_ file: OwnedFile) -> String {
    file.setNonBlocking()
    var bytes: [UInt8] = []
    var chunk = [UInt8](repeating: 0, count: 4_096)
    while true {
        let count = read(file.number, &chunk, chunk.count)
        guard count > 0 else { return String(decoding: bytes, as: UTF8.self) }
        bytes += chunk.prefix(count)
    }
}
