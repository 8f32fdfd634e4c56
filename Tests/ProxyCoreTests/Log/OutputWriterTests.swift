import Glibc
import Testing

@testable import ProxyCodecs
@testable import ProxyCore

struct OutputWriterTests {
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

    @Test func `lines of many threads all come, each in its order`() async throws {
        let pipe = try OwnedPipe()
        let writer = try OutputWriter(stdout: pipe.write.number, stderr: pipe.write.number)
        await withTaskGroup { group in
            for name in ["a", "b", "c"] {
                group.addTask { for number in 0..<500 { writer.writeLine("\(name)\(number)", to: .stdout) } }
            }
        }
        writer.close()
        let lines = readAvailable(pipe.read).split(separator: "\n").map(String.init)
        #expect(lines.count == 1_500)
        for name in ["a", "b", "c"] {
            #expect(lines.filter { $0.hasPrefix(name) } == (0..<500).map { "\(name)\($0)" })
        }
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
