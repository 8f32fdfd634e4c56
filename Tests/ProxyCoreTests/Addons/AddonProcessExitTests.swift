import Glibc
import Testing

@testable import ProxyCodecs
@testable import ProxyCore

struct AddonProcessExitTests {
    private typealias Status = AddonProcess.ExitStatus

    @Test(arguments: [(0x0000, 0), (0x0300, 3), (0xff00, 255)] as [(Int32, Int32)])
    func `a process that has ended by itself has a code`(status: Int32, code: Int32) {
        #expect(Status(status) == .exited(code))
        #expect("\(Status(status))" == "ended with exit code \(code)")
    }

    @Test(arguments: [(0x0009, 9), (0x008b, 11), (0x000f, 15)] as [(Int32, Int32)])
    func `one that was killed has a signal, with or without a core`(status: Int32, signal: Int32) {
        #expect(Status(status) == .killed(signal: signal))
        #expect("\(Status(status))" == "was killed by signal \(signal)")
    }

    @Test func `a child is waited for, and reaped`() throws {
        let spawn = AddonProcessSpawn(
            program: "/bin/sh",
            arguments: ["sh", "-c", "exit 7"],
            environment: [],
            streams: [nil, nil, nil],
            group: 0
        )
        let child = try spawn.start()
        #expect(Status.wait(for: child) == .exited(7))
        #expect(kill(child, 0) == -1 && errno == ESRCH)
    }
}
