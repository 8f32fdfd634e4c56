import Glibc
import Testing

@testable import ProxyCodecs
@testable import ProxyCore

/// Real shell commands, started as addons.
struct AddonProcessTests {
    @Test func `lines become log entries`() async throws {
        let story = try await AddonStory.run(#"printf 'one\r\ntwo\n\nb\377d\nlast'; exit 3"#)
        #expect(
            story.lines == [
                "addon:a info one", "addon:a info two", "addon:a info ", "addon:a info b\u{fffd}d", "addon:a info last",
            ]
        )
        #expect(story.end == .exited(3))
    }

    @Test func `stderr is a warning`() async throws {
        #expect(try await AddonStory.run("echo oops >&2").lines == ["addon:a warn oops"])
    }

    @Test func `a signal is told`() async throws {
        #expect(try await AddonStory.run("kill -9 $$").end == .killed(signal: SIGKILL))
    }

    @Test func `a command that is not there ends with 127`() async throws {
        let story = try await AddonStory.run("exec /nonexistent/addon")
        #expect(story.end == .exited(127))
        #expect(story.lines.count == 1)
    }

    @Test func `the environment has socket and token, and each token is new`() async throws {
        let command = "echo $PROXYD_ADDON_SOCKET $PROXYD_ADDON_TOKEN"
        let first = try await AddonStory.run(command) { process, line in #expect(line == "/s.sock \(process.token)") }
        let second = try await AddonStory.run(command)
        #expect(first.lines.first?.wholeMatch(of: #/addon:a info /s.sock [0-9a-f]{32}/#) != nil)
        #expect(first.lines != second.lines)
    }

    @Test func `a long line comes in pieces`() async throws {
        let story = try await AddonStory.run("head -c 150000 /dev/zero | tr '\\0' x")
        #expect(story.lines.map { $0.count - "addon:a info ".count } == Array(repeating: 7_680, count: 19) + [4_080])
    }

    @Test func `a flood of output is read whole, and counted where it is not shown`() async throws {
        let story = try await AddonStory.run("seq 20000")
        let shown = story.lines.filter { $0.hasPrefix("addon:a info ") }
        let counts = story.lines.compactMap { $0.wholeMatch(of: #/addon:a warn (\d+) more entries left out.*/#)?.1 }
        #expect(shown.prefix(200) == (1...200).map { "addon:a info \($0)" }[...])
        #expect(shown.count + counts.compactMap { Int($0) }.reduce(0, +) == 20_000)
    }
}
