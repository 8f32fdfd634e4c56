import Glibc
import Testing

@testable import ProxyCodecs
@testable import ProxyCore

struct AddonProcessSpawnTests {
    @Test func `the child has three open files and a group that is not ours`() async throws {
        let inheritable = socket(AF_UNIX, Int32(SOCK_STREAM.rawValue), 0)
        defer { close(inheritable) }
        let story = try await AddonStory.run(
            """
            exec python3 -c '
            import os
            print(sorted(int(name) for name in os.listdir("/proc/self/fd"))[:-1])
            print(os.getpgid(0) == \(getpgrp()), os.read(0, 1))
            '
            """
        )
        #expect(story.lines == ["addon:a info [0, 1, 2]", "addon:a info False b''"])
    }

    @Test func `the child ignores and blocks no signal`() async throws {
        Glibc.signal(SIGUSR2, SIG_IGN)
        let mask = "$((0x$(sed -n 's/^%s:.//p' /proc/self/status) & 0x7fffffff))"
        let masks = ["SigBlk", "SigIgn"].map { mask.replacing("%s", with: $0) }
        #expect(try await AddonStory.run("echo \(masks.joined(separator: " "))").lines == ["addon:a info 0 0"])
    }
}
