import Glibc
import Testing

@testable import ProxyCodecs
@testable import ProxyCore

struct AddonProcessGuardTests {
    @Test func `whoever kills the guard kills the addon's group`() async throws {
        let story = try await AddonStory.run("echo $$; exec sleep 1000") { process, _ in kill(process.pid, SIGKILL) }
        #expect(!isAlive(try #require(story.printedPID)))
        #expect(story.end == .killed(signal: SIGKILL))
    }

    @Test func `the addon and its children end when the daemon is gone`() async throws {
        let story = try await AddonStory.run("sleep 1000 & echo ready; sleep 1000") { process, line in
            if line == "ready" { process.guardian.release() }
        }
        #expect(story.end == .killed(signal: SIGTERM))
    }

    @Test func `no zombie stays`() async throws {
        _ = try await AddonStory.run("true") { process, _ in #expect(isAlive(process.pid)) }
        let story = try await AddonStory.run("echo $$")
        let pid = try #require(story.printedPID)
        #expect(kill(pid, 0) == -1 && errno == ESRCH)
    }
}
