import Glibc
import Testing

@testable import ProxyCodecs
@testable import ProxyCore

/// What ends with an addon, and how.
struct AddonKeeperTests {
    @Test func `terminate asks first`() async throws {
        let story = try await AddonStory.run("trap 'echo bye; exit 0' TERM; echo ready; while :; do sleep 0.01; done") {
            process,
            line in
            if line == "ready" { process.terminate() }
        }
        #expect(story.lines.filter { $0.contains(" info ") } == ["addon:a info ready", "addon:a info bye"])
        #expect(story.end == .exited(0))
    }

    @Test func `terminate lets a grandchild say its last words, too`() async throws {
        let command = """
            sh -c 'trap "sleep 0.2; echo late; exit 0" TERM; echo ready; while :; do sleep 0.01; done' ; true
            """
        let story = try await AddonStory.run(command) { process, line in
            if line == "ready" { process.terminate() }
        }
        #expect(story.lines.filter { $0.contains(" info ") } == ["addon:a info ready", "addon:a info late"])
        #expect(story.end == .killed(signal: SIGTERM))
    }

    @Test func `terminate kills who does not listen`() async throws {
        let story = try await AddonStory.run("trap '' TERM; echo ready; while :; do sleep 0.01; done") {
            process,
            line in
            if line == "ready" { process.terminate() }
        }
        #expect(story.end == .killed(signal: SIGKILL))
    }

    @Test(.timeLimit(.minutes(1)))
    func `whatever the command leaves behind ends with it`() async throws {
        let story = try await AddonStory.run("(trap '' TERM; sleep 1000) & echo $!")
        let left = try #require(story.printedPID)
        #expect(story.end == .exited(0))
        while isAlive(left) { await Task.yield() }
    }

    @Test func `a process with a session of its own ends with the addon, too`() async throws {
        let story = try await AddonStory.run("setsid sh -c 'trap \"\" TERM; echo $$; exec sleep 1000' & sleep 0.2")
        let escaped = try #require(story.printedPID)
        #expect(!isAlive(escaped))
        #expect(story.end == .exited(0))
    }
}
