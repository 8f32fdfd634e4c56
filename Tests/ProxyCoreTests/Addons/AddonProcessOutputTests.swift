import Glibc
import Testing

@testable import ProxyCodecs
@testable import ProxyCore

#if !SANITIZE_THREAD
import Synchronization
#endif

struct AddonProcessOutputTests {
    @Test func `one that is given up has handed on all that was written by then`() throws {
        let (stdout, stderr, cancelling) = (try OwnedPipe(), try OwnedPipe(), try OwnedPipe())
        let lines = Mutex<[String]>([])
        let output = AddonProcessOutput(stdout: stdout.read, stderr: stderr.read, cancelling: cancelling) { _, line in
            usleep(1_000)
            lines.withLock { $0.append(line) }
        }
        let written = (1...100).map(String.init)
        let text = Array(written.map { $0 + "\n" }.joined().utf8)
        #expect(write(stdout.write.number, text, text.count) == text.count)
        #expect(!output.waitForEnd(milliseconds: 0))
        output.cancel()
        #expect(lines.withLock { $0 } == written)
        withExtendedLifetime((stdout.write, stderr.write)) {}
    }
}
